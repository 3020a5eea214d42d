ALTER TABLE "contacts" ADD COLUMN "ref" text;--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_ref" UNIQUE ("org_id", "client_id", "ref") DEFERRABLE INITIALLY DEFERRED;

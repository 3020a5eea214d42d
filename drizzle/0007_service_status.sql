ALTER TABLE "clients" ADD COLUMN "service_status" text DEFAULT 'active' NOT NULL;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "offboarding_started_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "offboarded_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "stage_entries" ADD COLUMN "action" text;--> statement-breakpoint
ALTER TABLE "clients" ADD CONSTRAINT "clients_service_status" CHECK ("clients"."service_status" in ('active', 'suspended', 'ending'));--> statement-breakpoint
ALTER TABLE "clients" ADD CONSTRAINT "clients_offboarded" CHECK ("clients"."offboarded_at" is null or "clients"."offboarding_started_at" is not null);
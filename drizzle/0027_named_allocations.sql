ALTER TABLE "announced_allocations" DROP CONSTRAINT "announced_allocations_org_id_payment_id_invoice_id_pk";--> statement-breakpoint
ALTER TABLE "announced_allocations" ALTER COLUMN "invoice_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD CONSTRAINT "announced_allocations_org_id_payment_id_position_pk" PRIMARY KEY("org_id","payment_id","position");--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD COLUMN "invoice_source" text;--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD COLUMN "invoice_external_id" text;--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD COLUMN "waits" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "announced_of_invoice" ON "announced_allocations" USING btree ("org_id","invoice_id");--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD CONSTRAINT "announced_names" CHECK ("announced_allocations"."invoice_id" is not null or ("announced_allocations"."invoice_source" is not null and "announced_allocations"."invoice_external_id" is not null));
CREATE TABLE "installments" (
	"org_id" uuid NOT NULL,
	"plan_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"due_on" date NOT NULL,
	"amount_minor" bigint NOT NULL,
	"paid_minor" bigint NOT NULL,
	"status" text NOT NULL,
	"missed_on" date,
	"told_soon" boolean NOT NULL,
	"told_due" boolean NOT NULL,
	CONSTRAINT "installments_org_id_plan_id_position_pk" PRIMARY KEY("org_id","plan_id","position"),
	CONSTRAINT "installments_amount" CHECK ("installments"."amount_minor" > 0 and "installments"."paid_minor" between 0 and "installments"."amount_minor"),
	CONSTRAINT "installments_status" CHECK ("installments"."status" in ('upcoming', 'due', 'missed', 'paid'))
);
--> statement-breakpoint
CREATE TABLE "payment_plan_invoices" (
	"org_id" uuid NOT NULL,
	"plan_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"is_active" boolean NOT NULL,
	CONSTRAINT "payment_plan_invoices_org_id_plan_id_invoice_id_pk" PRIMARY KEY("org_id","plan_id","invoice_id")
);
--> statement-breakpoint
CREATE TABLE "payment_plans" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"covered_minor" bigint NOT NULL,
	"discount_minor" bigint NOT NULL,
	"grace_days" integer NOT NULL,
	"break_after_missed" integer NOT NULL,
	"expires_on" date NOT NULL,
	"status" text NOT NULL,
	"acceptance" jsonb,
	"accepted_on" date,
	"already_minor" bigint NOT NULL,
	"replaces_id" uuid,
	"replaced_by_id" uuid,
	"ended_on" date,
	"end_reason" text,
	"note" text,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "payment_plans_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "payment_plans_amounts" CHECK ("payment_plans"."discount_minor" >= 0 and "payment_plans"."discount_minor" < "payment_plans"."covered_minor"),
	CONSTRAINT "payment_plans_status" CHECK ("payment_plans"."status" in ('proposed', 'active', 'completed', 'broken', 'cancelled', 'rejected', 'expired')),
	CONSTRAINT "payment_plans_accepted" CHECK (("payment_plans"."acceptance" is null) = ("payment_plans"."accepted_on" is null))
);
--> statement-breakpoint
ALTER TABLE "installments" ADD CONSTRAINT "installments_plan" FOREIGN KEY ("org_id","plan_id") REFERENCES "payment_plans"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_plan_invoices" ADD CONSTRAINT "payment_plan_invoices_plan" FOREIGN KEY ("org_id","plan_id") REFERENCES "payment_plans"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_plan_invoices" ADD CONSTRAINT "payment_plan_invoices_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_plans" ADD CONSTRAINT "payment_plans_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_plans" ADD CONSTRAINT "payment_plans_replaces" FOREIGN KEY ("org_id","replaces_id") REFERENCES "payment_plans"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_plans" ADD CONSTRAINT "payment_plans_replaced_by" FOREIGN KEY ("org_id","replaced_by_id") REFERENCES "payment_plans"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "payment_plan_invoices_once" ON "payment_plan_invoices" USING btree ("org_id","invoice_id") WHERE "payment_plan_invoices"."is_active";--> statement-breakpoint
CREATE INDEX "payment_plan_invoices_of_invoice" ON "payment_plan_invoices" USING btree ("org_id","invoice_id");--> statement-breakpoint
CREATE INDEX "payment_plans_of_client" ON "payment_plans" USING btree ("org_id","client_id");--> statement-breakpoint
CREATE INDEX "payment_plans_by_age" ON "payment_plans" USING btree ("org_id","created_at","id");
--> statement-breakpoint
select dunwell_protect('payment_plans', 'select, insert, update');
select dunwell_protect('payment_plan_invoices', 'select, insert, update');
select dunwell_protect('installments', 'select, insert, update');

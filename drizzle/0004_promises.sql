CREATE TABLE "promise_invoices" (
	"org_id" uuid NOT NULL,
	"promise_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"is_pending" boolean NOT NULL,
	CONSTRAINT "promise_invoices_org_id_promise_id_invoice_id_pk" PRIMARY KEY("org_id","promise_id","invoice_id")
);
--> statement-breakpoint
CREATE TABLE "promises" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"made_on" date NOT NULL,
	"promised_on" date NOT NULL,
	"grace_days" integer NOT NULL,
	"already_minor" bigint NOT NULL,
	"channel" text,
	"note" text,
	"status" text NOT NULL,
	"ended_on" date,
	"end_reason" text,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "promises_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "promises_amount" CHECK ("promises"."amount_minor" > 0),
	CONSTRAINT "promises_days" CHECK ("promises"."promised_on" >= "promises"."made_on" and "promises"."grace_days" >= 0),
	CONSTRAINT "promises_status" CHECK ("promises"."status" in ('pending', 'kept', 'broken', 'cancelled')),
	CONSTRAINT "promises_end" CHECK (("promises"."status" = 'pending') = ("promises"."ended_on" is null))
);
--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "promise_grace_days" integer DEFAULT 2 NOT NULL;--> statement-breakpoint
ALTER TABLE "promise_invoices" ADD CONSTRAINT "promise_invoices_promise" FOREIGN KEY ("org_id","promise_id") REFERENCES "promises"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promise_invoices" ADD CONSTRAINT "promise_invoices_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promises" ADD CONSTRAINT "promises_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "promise_invoices_once" ON "promise_invoices" USING btree ("org_id","invoice_id") WHERE "promise_invoices"."is_pending";--> statement-breakpoint
CREATE INDEX "promises_of_client" ON "promises" USING btree ("org_id","client_id");--> statement-breakpoint
CREATE INDEX "promises_by_age" ON "promises" USING btree ("org_id","created_at","id");--> statement-breakpoint
select dunwell_protect('promises', 'select, insert, update');
select dunwell_protect('promise_invoices', 'select, insert, update');

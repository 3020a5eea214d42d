CREATE TABLE "credit_notes" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"dispute_id" uuid,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"released_minor" bigint NOT NULL,
	"reason" text NOT NULL,
	"note" text,
	"issued_on" date NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "credit_notes_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "credit_notes_dispute" UNIQUE("org_id","dispute_id"),
	CONSTRAINT "credit_notes_amount" CHECK ("credit_notes"."amount_minor" > 0),
	CONSTRAINT "credit_notes_released" CHECK ("credit_notes"."released_minor" between 0 and "credit_notes"."amount_minor")
);
--> statement-breakpoint
CREATE TABLE "disputes" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"reason" text NOT NULL,
	"note" text,
	"opened_on" date NOT NULL,
	"respond_by_on" date,
	"overdue_at" timestamp (3) with time zone,
	"status" text NOT NULL,
	"at_fault" text,
	"credit_minor" bigint,
	"credit_note_id" uuid,
	"end_reason" text,
	"resolution_note" text,
	"resolved_on" date,
	"resolved_at" timestamp (3) with time zone,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "disputes_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "disputes_amount" CHECK ("disputes"."amount_minor" > 0),
	CONSTRAINT "disputes_status" CHECK ("disputes"."status" in ('open', 'upheld', 'partly_upheld', 'rejected', 'withdrawn')),
	CONSTRAINT "disputes_credit" CHECK ("disputes"."credit_minor" between 0 and "disputes"."amount_minor"),
	CONSTRAINT "disputes_resolution" CHECK (("disputes"."status" <> 'open') = ("disputes"."resolved_on" is not null and "disputes"."resolved_at" is not null and "disputes"."credit_minor" is not null)),
	CONSTRAINT "disputes_credited" CHECK (("disputes"."credit_note_id" is not null) = (coalesce("disputes"."credit_minor", 0) > 0))
);
--> statement-breakpoint
CREATE TABLE "announced_allocations" (
	"org_id" uuid NOT NULL,
	"payment_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"invoice_id" uuid NOT NULL,
	"amount_minor" bigint NOT NULL,
	CONSTRAINT "announced_allocations_org_id_payment_id_invoice_id_pk" PRIMARY KEY("org_id","payment_id","invoice_id"),
	CONSTRAINT "announced_amount" CHECK ("announced_allocations"."amount_minor" > 0)
);
--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "clearing_days" integer DEFAULT 3 NOT NULL;--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "unconfirmed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "credit_notes" ADD CONSTRAINT "credit_notes_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_notes" ADD CONSTRAINT "credit_notes_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "disputes" ADD CONSTRAINT "disputes_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "disputes" ADD CONSTRAINT "disputes_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "disputes" ADD CONSTRAINT "disputes_credit_note" FOREIGN KEY ("org_id","credit_note_id") REFERENCES "credit_notes"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD CONSTRAINT "announced_payment" FOREIGN KEY ("org_id","payment_id") REFERENCES "payments"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "announced_allocations" ADD CONSTRAINT "announced_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "credit_notes_of_client" ON "credit_notes" USING btree ("org_id","client_id");--> statement-breakpoint
CREATE INDEX "credit_notes_of_invoice" ON "credit_notes" USING btree ("org_id","invoice_id");--> statement-breakpoint
CREATE INDEX "credit_notes_by_age" ON "credit_notes" USING btree ("org_id","created_at","id");--> statement-breakpoint
CREATE INDEX "disputes_of_client" ON "disputes" USING btree ("org_id","client_id");--> statement-breakpoint
CREATE INDEX "disputes_of_invoice" ON "disputes" USING btree ("org_id","invoice_id");--> statement-breakpoint
CREATE INDEX "disputes_by_age" ON "disputes" USING btree ("org_id","created_at","id");--> statement-breakpoint
CREATE INDEX "payments_pending" ON "payments" USING btree ("org_id","client_id") WHERE "payments"."status" = 'pending';--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_clearing" CHECK ("organizations"."clearing_days" between 0 and 30);
--> statement-breakpoint
-- Row-level security and grants. What was credited or announced stays.
select dunwell_protect('credit_notes', 'select, insert');
select dunwell_protect('announced_allocations', 'select, insert');
select dunwell_protect('disputes', 'select, insert, update');
--> statement-breakpoint
-- This one points up the line of modules.
alter table credit_notes add constraint credit_notes_of_dispute foreign key (org_id, dispute_id) references disputes (org_id, id);

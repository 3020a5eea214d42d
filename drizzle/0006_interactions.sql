CREATE TABLE "interaction_invoices" (
	"org_id" uuid NOT NULL,
	"interaction_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"position" integer NOT NULL,
	CONSTRAINT "interaction_invoices_org_id_interaction_id_invoice_id_pk" PRIMARY KEY("org_id","interaction_id","invoice_id")
);
--> statement-breakpoint
CREATE TABLE "interactions" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"direction" text,
	"contact_id" uuid,
	"by" text,
	"minutes" integer,
	"outcome" text,
	"non_payment_reason" text,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"summary" text,
	"dunning_entry_id" uuid,
	"metadata" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "interactions_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "interactions_kind" CHECK ("interactions"."kind" in ('call', 'e_mail', 'sms', 'letter', 'meeting', 'visit', 'note')),
	CONSTRAINT "interactions_direction" CHECK ("interactions"."direction" in ('inbound', 'outbound')),
	CONSTRAINT "interactions_note_undirected" CHECK (("interactions"."kind" = 'note') = ("interactions"."direction" is null)),
	CONSTRAINT "interactions_minutes" CHECK ("interactions"."minutes" between 0 and 1440),
	CONSTRAINT "interactions_outcome" CHECK ("interactions"."outcome" in ('reached', 'no_answer', 'replied', 'promised', 'disputed', 'refused', 'evasive', 'claims_paid', 'fee_haggling', 'after_hours_demand', 'abusive', 'scope_change', 'sent', 'delivered', 'bounced', 'suppressed', 'answered', 'other')),
	CONSTRAINT "interactions_non_payment_reason" CHECK ("interactions"."non_payment_reason" in ('cash_flow', 'seasonal', 'unaware_of_terms', 'invoice_not_received', 'awaiting_approval', 'claims_paid', 'dissatisfied', 'misunderstanding', 'unwilling', 'unknown')),
	CONSTRAINT "interactions_of_entry_outcome" CHECK ("interactions"."dunning_entry_id" is null or coalesce("interactions"."outcome" in ('sent', 'delivered', 'bounced', 'suppressed', 'answered'), false))
);
--> statement-breakpoint
ALTER TABLE "interaction_invoices" ADD CONSTRAINT "interaction_invoices_interaction" FOREIGN KEY ("org_id","interaction_id") REFERENCES "interactions"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "interaction_invoices" ADD CONSTRAINT "interaction_invoices_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "interactions" ADD CONSTRAINT "interactions_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "interaction_invoices_in_order" ON "interaction_invoices" USING btree ("org_id","interaction_id","position");--> statement-breakpoint
CREATE INDEX "interaction_invoices_of_invoice" ON "interaction_invoices" USING btree ("org_id","invoice_id","interaction_id");--> statement-breakpoint
CREATE INDEX "interactions_by_age" ON "interactions" USING btree ("org_id","created_at","id");--> statement-breakpoint
CREATE INDEX "interactions_of_client" ON "interactions" USING btree ("org_id","client_id","created_at","id");--> statement-breakpoint
CREATE INDEX "interactions_of_entry" ON "interactions" USING btree ("org_id","dunning_entry_id") WHERE "interactions"."dunning_entry_id" is not null;--> statement-breakpoint
-- Append-only: what was said is not unsaid.
select dunwell_protect('interactions', 'select, insert');
select dunwell_protect('interaction_invoices', 'select, insert');
--> statement-breakpoint
-- It points up the line of modules, so it cannot stand in the table's own definition.
alter table interactions add constraint interactions_dunning_entry
  foreign key (org_id, dunning_entry_id) references stage_entries (org_id, id);

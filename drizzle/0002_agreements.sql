CREATE TABLE "deadlines" (
	"org_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"object_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "deadlines_org_id_kind_object_id_pk" PRIMARY KEY("org_id","kind","object_id")
);
--> statement-breakpoint
CREATE TABLE "hold_invoices" (
	"org_id" uuid NOT NULL,
	"hold_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	CONSTRAINT "hold_invoices_org_id_hold_id_invoice_id_pk" PRIMARY KEY("org_id","hold_id","invoice_id")
);
--> statement-breakpoint
CREATE TABLE "holds" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"scope" text NOT NULL,
	"reason" text NOT NULL,
	"resume" text NOT NULL,
	"from_on" date NOT NULL,
	"until_on" date,
	"amount_minor" bigint,
	"currency" text,
	"stops_fees" boolean NOT NULL,
	"note" text,
	"origin_kind" text,
	"origin_id" uuid,
	"released_at" timestamp (3) with time zone,
	"released_on" date,
	"release_reason" text,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "holds_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "holds_scope" CHECK ("holds"."scope" in ('client', 'invoices')),
	CONSTRAINT "holds_amount" CHECK ("holds"."amount_minor" > 0 and ("holds"."amount_minor" is null) = ("holds"."currency" is null)),
	CONSTRAINT "holds_origin" CHECK (("holds"."origin_kind" is null) = ("holds"."origin_id" is null)),
	CONSTRAINT "holds_release" CHECK (("holds"."released_at" is null) = ("holds"."released_on" is null) and ("holds"."released_at" is null) = ("holds"."release_reason" is null))
);
--> statement-breakpoint
ALTER TABLE "obligations" ADD COLUMN "is_held" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "deadlines" ADD CONSTRAINT "deadlines_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "hold_invoices" ADD CONSTRAINT "hold_invoices_hold" FOREIGN KEY ("org_id","hold_id") REFERENCES "holds"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "hold_invoices" ADD CONSTRAINT "hold_invoices_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holds" ADD CONSTRAINT "holds_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deadlines_due" ON "deadlines" USING btree ("org_id","at");--> statement-breakpoint
CREATE INDEX "hold_invoices_of_invoice" ON "hold_invoices" USING btree ("org_id","invoice_id");--> statement-breakpoint
CREATE INDEX "holds_of_client" ON "holds" USING btree ("org_id","client_id");--> statement-breakpoint
CREATE INDEX "holds_of_origin" ON "holds" USING btree ("org_id","origin_id") WHERE "holds"."origin_id" is not null;--> statement-breakpoint
CREATE INDEX "holds_by_age" ON "holds" USING btree ("org_id","created_at","id");
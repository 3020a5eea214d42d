CREATE TABLE "dunning_notices" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"since_at" timestamp (3) with time zone NOT NULL,
	"told_at" timestamp (3) with time zone,
	"told_on" date,
	CONSTRAINT "dunning_notices_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "dunning_notices_told" CHECK (("dunning_notices"."told_at" is null) = ("dunning_notices"."told_on" is null))
);
--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "next_notice_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "dunning_notices" ADD CONSTRAINT "dunning_notices_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "dunning_notices_once_a_day" ON "dunning_notices" USING btree ("org_id","client_id","currency","told_on");--> statement-breakpoint
CREATE UNIQUE INDEX "dunning_notices_waiting" ON "dunning_notices" USING btree ("org_id","client_id","currency") WHERE "dunning_notices"."told_on" is null;--> statement-breakpoint
select dunwell_protect('dunning_notices', 'select, insert, delete');

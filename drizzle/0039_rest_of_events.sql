CREATE TABLE "event_rests" (
	"org_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"rows" json NOT NULL,
	CONSTRAINT "event_rests_org_id_event_id_pk" PRIMARY KEY("org_id","event_id")
);
--> statement-breakpoint
ALTER TABLE "event_rests" ADD CONSTRAINT "event_rests_event" FOREIGN KEY ("org_id","event_id") REFERENCES "public"."events"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
select dunwell_protect('event_rests', 'select, insert, delete');

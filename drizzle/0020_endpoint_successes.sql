CREATE TABLE "webhook_endpoint_successes" (
	"org_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"last_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_endpoint_successes_org_id_endpoint_id_pk" PRIMARY KEY("org_id","endpoint_id")
);
--> statement-breakpoint
ALTER TABLE "webhook_endpoint_successes" ADD CONSTRAINT "webhook_endpoint_successes_endpoint" FOREIGN KEY ("org_id","endpoint_id") REFERENCES "webhook_endpoints"("org_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table webhook_endpoint_health no force row level security;
--> statement-breakpoint
insert into webhook_endpoint_successes (org_id, endpoint_id, last_at) select org_id, endpoint_id, last_success_at from webhook_endpoint_health;
--> statement-breakpoint
alter table webhook_endpoint_health force row level security;
--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" DROP COLUMN "last_success_at";
--> statement-breakpoint
select dunwell_protect('webhook_endpoint_successes', 'select, insert, update, delete');

CREATE TABLE "pending_writes" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"source" text NOT NULL,
	"external_id" text NOT NULL,
	"operation" text NOT NULL,
	"source_version" bigint,
	"body" jsonb,
	"state" text NOT NULL,
	"awaited_kind" text NOT NULL,
	"awaited_source" text NOT NULL,
	"awaited_id" text NOT NULL,
	"problem" jsonb,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "pending_writes_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "pending_writes_name" UNIQUE("org_id","kind","source","external_id"),
	CONSTRAINT "pending_writes_operation" CHECK ("pending_writes"."operation" in ('put', 'delete')),
	CONSTRAINT "pending_writes_body" CHECK (("pending_writes"."operation" = 'put') = ("pending_writes"."body" is not null)),
	CONSTRAINT "pending_writes_state" CHECK ("pending_writes"."state" in ('waiting', 'refused')),
	CONSTRAINT "pending_writes_problem" CHECK (("pending_writes"."state" = 'refused') = ("pending_writes"."problem" is not null))
);
--> statement-breakpoint
ALTER TABLE "external_refs" ALTER COLUMN "object_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "external_refs" ADD COLUMN "deleted_version" bigint;--> statement-breakpoint
ALTER TABLE "external_refs" ADD COLUMN "is_awaited" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "pending_writes_awaiting" ON "pending_writes" USING btree ("org_id","awaited_kind","awaited_source","awaited_id");--> statement-breakpoint
CREATE INDEX "pending_writes_by_age" ON "pending_writes" USING btree ("org_id","created_at","id");--> statement-breakpoint
select dunwell_protect('pending_writes', 'select, insert, update, delete');

CREATE TABLE "clients" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"locale" text,
	"time_zone" text,
	"currency" text,
	"payment_terms" jsonb,
	"credit_limit_minor" bigint,
	"credit_limit_currency" text,
	"parent_id" uuid,
	"dunning_policy_id" uuid,
	"dunning_exempt_until_on" date,
	"tags" text[] NOT NULL,
	"metadata" jsonb NOT NULL,
	"archived_at" timestamp (3) with time zone,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "clients_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "clients_credit_limit" CHECK (("clients"."credit_limit_minor" is null) = ("clients"."credit_limit_currency" is null) and "clients"."credit_limit_minor" >= 0),
	CONSTRAINT "clients_not_own_parent" CHECK ("clients"."parent_id" <> "clients"."id")
);
--> statement-breakpoint
CREATE TABLE "contacts" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"name" text NOT NULL,
	"salutation" text,
	"role" text NOT NULL,
	"email" text,
	"phone" text,
	"locale" text,
	"do_not_contact" boolean NOT NULL,
	CONSTRAINT "contacts_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "contacts_role" CHECK ("contacts"."role" in ('billing', 'approver', 'owner', 'legal', 'guarantor'))
);
--> statement-breakpoint
CREATE TABLE "dunning_policies" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "dunning_policies_org_id_id_pk" PRIMARY KEY("org_id","id")
);
--> statement-breakpoint
CREATE TABLE "dunning_policy_versions" (
	"org_id" uuid NOT NULL,
	"policy_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"document" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "dunning_policy_versions_org_id_policy_id_version_pk" PRIMARY KEY("org_id","policy_id","version")
);
--> statement-breakpoint
CREATE TABLE "dunning_runs" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"status" text NOT NULL,
	"dry_run" boolean NOT NULL,
	"entered" integer NOT NULL,
	"overdue" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "dunning_runs_org_id_id_pk" PRIMARY KEY("org_id","id")
);
--> statement-breakpoint
CREATE TABLE "stage_entries" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"obligation_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"cycle" integer NOT NULL,
	"stage_code" text NOT NULL,
	"repetition" integer NOT NULL,
	"kind" text NOT NULL,
	"skipped" text[] NOT NULL,
	"offset_days" integer NOT NULL,
	"grace_days" integer NOT NULL,
	"policy_id" uuid NOT NULL,
	"policy_version" integer NOT NULL,
	"calendar_version" integer NOT NULL,
	"entered_at" timestamp (3) with time zone NOT NULL,
	"entered_on" date NOT NULL,
	"days_overdue" integer NOT NULL,
	"balance_minor" bigint NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"mistaken_at" timestamp (3) with time zone,
	"mistaken_reason" text,
	CONSTRAINT "stage_entries_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "stage_entries_mistaken" CHECK (("stage_entries"."mistaken_at" is null) = ("stage_entries"."mistaken_reason" is null))
);
--> statement-breakpoint
CREATE TABLE "event_bodies" (
	"org_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"body" text NOT NULL,
	CONSTRAINT "event_bodies_org_id_event_id_pk" PRIMARY KEY("org_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "event_chains" (
	"org_id" uuid NOT NULL,
	"last_seq" bigint NOT NULL,
	"last_hash" text NOT NULL,
	CONSTRAINT "event_chains_org_id_pk" PRIMARY KEY("org_id")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"type" text NOT NULL,
	"object_kind" text NOT NULL,
	"object_id" uuid NOT NULL,
	"object_version" integer NOT NULL,
	"client_id" uuid,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"body_sha256" text NOT NULL,
	"traceparent" text,
	"seq" bigint,
	"chain_hash" text,
	CONSTRAINT "events_org_id_id_pk" PRIMARY KEY("org_id","id")
);
--> statement-breakpoint
CREATE TABLE "invoices" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"number" text NOT NULL,
	"currency" text NOT NULL,
	"total_minor" bigint NOT NULL,
	"balance_minor" bigint NOT NULL,
	"issued_on" date NOT NULL,
	"due_on" date NOT NULL,
	"status" text NOT NULL,
	"collection_method" text NOT NULL,
	"dunning_start" text NOT NULL,
	"dunning_policy_id" uuid,
	"payment_links" jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"replaced_by_id" uuid,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "invoices_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "invoices_total" CHECK ("invoices"."total_minor" > 0),
	CONSTRAINT "invoices_balance" CHECK ("invoices"."balance_minor" between 0 and "invoices"."total_minor"),
	CONSTRAINT "invoices_status" CHECK ("invoices"."status" in ('open', 'paid', 'void', 'written_off')),
	CONSTRAINT "invoices_open_balance" CHECK (("invoices"."status" = 'open') = ("invoices"."balance_minor" > 0))
);
--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"client_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"invoice_id" uuid,
	"obligation_id" uuid,
	"payment_id" uuid,
	"balance_minor" bigint NOT NULL,
	"unapplied_minor" bigint NOT NULL,
	"effective_on" date NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "ledger_entries_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "ledger_entries_balance_side" CHECK (("ledger_entries"."obligation_id" is not null) = ("ledger_entries"."balance_minor" <> 0)),
	CONSTRAINT "ledger_entries_payment_side" CHECK (("ledger_entries"."payment_id" is not null) = ("ledger_entries"."unapplied_minor" <> 0))
);
--> statement-breakpoint
CREATE TABLE "obligations" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"due_on" date NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"balance_minor" bigint NOT NULL,
	"cycle" integer NOT NULL,
	"overdue_from_on" date NOT NULL,
	"overdue_announced" boolean NOT NULL,
	"stage_code" text,
	"stage_entered_at" timestamp (3) with time zone,
	"next_stage_code" text,
	"next_at" timestamp (3) with time zone,
	"policy_id" uuid,
	"policy_version" integer,
	CONSTRAINT "obligations_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "obligations_amount" CHECK ("obligations"."amount_minor" > 0),
	CONSTRAINT "obligations_balance" CHECK ("obligations"."balance_minor" between 0 and "obligations"."amount_minor"),
	CONSTRAINT "obligations_policy_pinned" CHECK (("obligations"."policy_id" is null) = ("obligations"."policy_version" is null))
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"prefix" text NOT NULL,
	"scopes" text[] NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "api_keys_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "api_keys_hash" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "business_calendars" (
	"org_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"weekend" integer[] NOT NULL,
	"country" text,
	"region" text,
	"closed_days" date[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "business_calendars_org_id_version_pk" PRIMARY KEY("org_id","version")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"org_id" uuid NOT NULL,
	"key" text NOT NULL,
	"fingerprint" text NOT NULL,
	"status" integer,
	"body" text,
	"sealed" boolean NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_org_id_key_pk" PRIMARY KEY("org_id","key")
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"org_id" uuid NOT NULL,
	"name" text NOT NULL,
	"mode" text NOT NULL,
	"time_zone" text NOT NULL,
	"locale" text NOT NULL,
	"default_currency" text NOT NULL,
	"default_payment_terms" jsonb NOT NULL,
	"default_dunning_policy_id" uuid,
	"auto_apply_credit" boolean NOT NULL,
	"calendar_version" integer NOT NULL,
	"clock_at" timestamp (3) with time zone,
	"clock_target_at" timestamp (3) with time zone,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "organizations_org_id_pk" PRIMARY KEY("org_id"),
	CONSTRAINT "organizations_mode" CHECK ("organizations"."mode" in ('live', 'test')),
	CONSTRAINT "organizations_clock" CHECK (("organizations"."mode" = 'test') = ("organizations"."clock_at" is not null)),
	CONSTRAINT "organizations_clock_target" CHECK ("organizations"."clock_target_at" is null or "organizations"."clock_target_at" >= "organizations"."clock_at")
);
--> statement-breakpoint
CREATE TABLE "payments" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"unapplied_minor" bigint NOT NULL,
	"status" text NOT NULL,
	"received_on" date,
	"matures_on" date,
	"instrument" jsonb,
	"method" text,
	"reference" text,
	"reserved_for" text,
	"reversal_reason" text,
	"reversed_on" date,
	"metadata" jsonb NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "payments_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "payments_amount" CHECK ("payments"."amount_minor" > 0),
	CONSTRAINT "payments_unapplied" CHECK ("payments"."unapplied_minor" between 0 and "payments"."amount_minor"),
	CONSTRAINT "payments_unapplied_settled" CHECK ("payments"."status" = 'settled' or "payments"."unapplied_minor" = 0),
	CONSTRAINT "payments_status" CHECK ("payments"."status" in ('pending', 'settled', 'failed', 'reversed')),
	CONSTRAINT "payments_received" CHECK (("payments"."status" in ('settled', 'reversed')) = ("payments"."received_on" is not null)),
	CONSTRAINT "payments_reversal" CHECK (("payments"."status" = 'reversed') = ("payments"."reversal_reason" is not null and "payments"."reversed_on" is not null))
);
--> statement-breakpoint
CREATE TABLE "external_refs" (
	"org_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"source" text NOT NULL,
	"external_id" text NOT NULL,
	"object_id" uuid NOT NULL,
	"source_version" bigint,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "external_refs_org_id_kind_source_external_id_pk" PRIMARY KEY("org_id","kind","source","external_id")
);
--> statement-breakpoint
CREATE TABLE "webhook_attempts" (
	"org_id" uuid NOT NULL,
	"delivery_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"duration_ms" integer NOT NULL,
	"succeeded" boolean NOT NULL,
	"status" integer,
	"error" text,
	"answer" text,
	CONSTRAINT "webhook_attempts_org_id_delivery_id_attempt_started_at_pk" PRIMARY KEY("org_id","delivery_id","attempt","started_at")
) PARTITION BY RANGE ("started_at");
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"status" text NOT NULL,
	"attempts" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "webhook_deliveries_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "webhook_deliveries_once" UNIQUE("org_id","event_id","endpoint_id"),
	CONSTRAINT "webhook_deliveries_status" CHECK ("webhook_deliveries"."status" in ('queued', 'succeeded', 'failed', 'cancelled', 'superseded'))
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoint_health" (
	"org_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"consecutive_failures" integer NOT NULL,
	"opens" integer NOT NULL,
	"open_until" timestamp (3) with time zone,
	"slow_start_limit" integer,
	"last_success_at" timestamp (3) with time zone,
	"last_failure_at" timestamp (3) with time zone,
	"last_failure" text,
	CONSTRAINT "webhook_endpoint_health_org_id_endpoint_id_pk" PRIMARY KEY("org_id","endpoint_id")
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoint_secrets" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"sealed" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_endpoint_secrets_org_id_id_pk" PRIMARY KEY("org_id","id")
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"url" text NOT NULL,
	"description" text,
	"event_types" text[] NOT NULL,
	"headers" jsonb NOT NULL,
	"max_in_flight" integer NOT NULL,
	"timeout_ms" integer NOT NULL,
	"status" text NOT NULL,
	"disabled_reason" text,
	"version" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "webhook_endpoints_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "webhook_endpoints_status" CHECK ("webhook_endpoints"."status" in ('enabled', 'disabled')),
	CONSTRAINT "webhook_endpoints_limits" CHECK ("webhook_endpoints"."max_in_flight" between 1 and 1000 and "webhook_endpoints"."timeout_ms" between 100 and 30000)
);
--> statement-breakpoint
CREATE TABLE "webhook_queue" (
	"org_id" uuid NOT NULL,
	"delivery_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"ready_at" timestamp (3) with time zone NOT NULL,
	"claimed_at" timestamp (3) with time zone,
	"attempt" integer NOT NULL,
	"failures" integer NOT NULL,
	"first_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_queue_org_id_delivery_id_pk" PRIMARY KEY("org_id","delivery_id")
);
--> statement-breakpoint
ALTER TABLE "clients" ADD CONSTRAINT "clients_organization" FOREIGN KEY ("org_id") REFERENCES "public"."organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "clients" ADD CONSTRAINT "clients_parent" FOREIGN KEY ("org_id","parent_id") REFERENCES "public"."clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_client" FOREIGN KEY ("org_id","client_id") REFERENCES "public"."clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dunning_policies" ADD CONSTRAINT "dunning_policies_organization" FOREIGN KEY ("org_id") REFERENCES "public"."organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dunning_policy_versions" ADD CONSTRAINT "dunning_policy_versions_policy" FOREIGN KEY ("org_id","policy_id") REFERENCES "public"."dunning_policies"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dunning_runs" ADD CONSTRAINT "dunning_runs_organization" FOREIGN KEY ("org_id") REFERENCES "public"."organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stage_entries" ADD CONSTRAINT "stage_entries_obligation" FOREIGN KEY ("org_id","obligation_id") REFERENCES "public"."obligations"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_bodies" ADD CONSTRAINT "event_bodies_event" FOREIGN KEY ("org_id","event_id") REFERENCES "public"."events"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_client" FOREIGN KEY ("org_id","client_id") REFERENCES "public"."clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_replaced_by" FOREIGN KEY ("org_id","replaced_by_id") REFERENCES "public"."invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_client" FOREIGN KEY ("org_id","client_id") REFERENCES "public"."clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_obligation" FOREIGN KEY ("org_id","obligation_id") REFERENCES "public"."obligations"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "obligations" ADD CONSTRAINT "obligations_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "public"."invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "obligations" ADD CONSTRAINT "obligations_client" FOREIGN KEY ("org_id","client_id") REFERENCES "public"."clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_organization" FOREIGN KEY ("org_id") REFERENCES "public"."organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "business_calendars" ADD CONSTRAINT "business_calendars_organization" FOREIGN KEY ("org_id") REFERENCES "public"."organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_client" FOREIGN KEY ("org_id","client_id") REFERENCES "public"."clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_event" FOREIGN KEY ("org_id","event_id") REFERENCES "public"."events"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD CONSTRAINT "webhook_endpoint_health_endpoint" FOREIGN KEY ("org_id","endpoint_id") REFERENCES "public"."webhook_endpoints"("org_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_secrets" ADD CONSTRAINT "webhook_endpoint_secrets_endpoint" FOREIGN KEY ("org_id","endpoint_id") REFERENCES "public"."webhook_endpoints"("org_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_organization" FOREIGN KEY ("org_id") REFERENCES "public"."organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "clients_by_update" ON "clients" USING btree ("org_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "clients_by_age" ON "clients" USING btree ("org_id","created_at","id");--> statement-breakpoint
CREATE INDEX "clients_of_parent" ON "clients" USING btree ("org_id","parent_id") WHERE "clients"."parent_id" is not null;--> statement-breakpoint
CREATE INDEX "contacts_of_client" ON "contacts" USING btree ("org_id","client_id","position");--> statement-breakpoint
CREATE INDEX "dunning_policies_by_update" ON "dunning_policies" USING btree ("org_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "dunning_runs_queued" ON "dunning_runs" USING btree ("org_id") WHERE "dunning_runs"."status" = 'queued';--> statement-breakpoint
CREATE UNIQUE INDEX "stage_entries_once" ON "stage_entries" USING btree ("org_id","obligation_id","cycle","stage_code","repetition") WHERE "stage_entries"."mistaken_at" is null;--> statement-breakpoint
CREATE INDEX "stage_entries_by_time" ON "stage_entries" USING btree ("org_id","entered_at","id");--> statement-breakpoint
CREATE INDEX "stage_entries_of_invoice" ON "stage_entries" USING btree ("org_id","invoice_id");--> statement-breakpoint
CREATE INDEX "stage_entries_of_client" ON "stage_entries" USING btree ("org_id","client_id","entered_at");--> statement-breakpoint
CREATE UNIQUE INDEX "events_seq" ON "events" USING btree ("org_id","seq") WHERE "events"."seq" is not null;--> statement-breakpoint
CREATE INDEX "events_unsealed" ON "events" USING btree ("org_id","id") WHERE "events"."seq" is null;--> statement-breakpoint
CREATE INDEX "events_object" ON "events" USING btree ("org_id","object_id");--> statement-breakpoint
CREATE INDEX "invoices_by_update" ON "invoices" USING btree ("org_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "invoices_of_client" ON "invoices" USING btree ("org_id","client_id","issued_on");--> statement-breakpoint
CREATE INDEX "invoices_by_number" ON "invoices" USING btree ("org_id","number");--> statement-breakpoint
CREATE INDEX "ledger_entries_of_obligation" ON "ledger_entries" USING btree ("org_id","obligation_id");--> statement-breakpoint
CREATE INDEX "ledger_entries_of_payment" ON "ledger_entries" USING btree ("org_id","payment_id") WHERE "ledger_entries"."payment_id" is not null;--> statement-breakpoint
CREATE INDEX "ledger_entries_of_client" ON "ledger_entries" USING btree ("org_id","client_id","effective_on");--> statement-breakpoint
CREATE INDEX "obligations_of_invoice" ON "obligations" USING btree ("org_id","invoice_id");--> statement-breakpoint
CREATE INDEX "obligations_open_of_client" ON "obligations" USING btree ("org_id","client_id","due_on") WHERE "obligations"."balance_minor" > 0;--> statement-breakpoint
CREATE INDEX "obligations_due" ON "obligations" USING btree ("org_id","next_at") WHERE "obligations"."next_at" is not null;--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("org_id","created_at");--> statement-breakpoint
CREATE INDEX "organizations_advancing" ON "organizations" USING btree ("org_id") WHERE "organizations"."clock_target_at" is not null;--> statement-breakpoint
CREATE INDEX "payments_by_update" ON "payments" USING btree ("org_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "payments_of_client" ON "payments" USING btree ("org_id","client_id","received_on");--> statement-breakpoint
CREATE INDEX "payments_with_credit" ON "payments" USING btree ("org_id","client_id") WHERE "payments"."unapplied_minor" > 0;--> statement-breakpoint
CREATE INDEX "external_refs_object" ON "external_refs" USING btree ("org_id","object_id");--> statement-breakpoint
CREATE INDEX "webhook_attempts_of_endpoint" ON "webhook_attempts" USING btree ("org_id","endpoint_id","started_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_of_endpoint" ON "webhook_deliveries" USING btree ("org_id","endpoint_id","id");--> statement-breakpoint
CREATE INDEX "webhook_endpoint_secrets_of_endpoint" ON "webhook_endpoint_secrets" USING btree ("org_id","endpoint_id");--> statement-breakpoint
CREATE INDEX "webhook_endpoints_by_update" ON "webhook_endpoints" USING btree ("org_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "webhook_queue_ready" ON "webhook_queue" USING btree ("org_id","endpoint_id","ready_at");
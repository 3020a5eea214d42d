CREATE TABLE "risk_claims" (
	"org_id" uuid NOT NULL,
	"invoice_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"number" text NOT NULL,
	"issued_on" date NOT NULL,
	"due_on" date NOT NULL,
	"amount" double precision NOT NULL,
	"currency" text NOT NULL,
	"is_disputed" boolean NOT NULL,
	"settled_on" date,
	"is_written_off" boolean NOT NULL,
	"late_known_on" date NOT NULL,
	"serious_known_on" date NOT NULL,
	"late_features" "bytea",
	"serious_features" "bytea",
	CONSTRAINT "risk_claims_org_id_invoice_id_pk" PRIMARY KEY("org_id","invoice_id")
);
--> statement-breakpoint
CREATE TABLE "risk_clients" (
	"org_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"state" json NOT NULL,
	CONSTRAINT "risk_clients_org_id_client_id_pk" PRIMARY KEY("org_id","client_id")
);
--> statement-breakpoint
CREATE TABLE "risk_days" (
	"org_id" uuid NOT NULL,
	"day" date NOT NULL,
	"sums" jsonb NOT NULL,
	CONSTRAINT "risk_days_org_id_day_pk" PRIMARY KEY("org_id","day")
);
--> statement-breakpoint
CREATE TABLE "risk_exposures" (
	"org_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"currency" text NOT NULL,
	"open_minor" bigint NOT NULL,
	"overdue_minor" bigint NOT NULL,
	"expected_bad_minor" bigint NOT NULL,
	CONSTRAINT "risk_exposures_org_id_client_id_currency_pk" PRIMARY KEY("org_id","client_id","currency")
);
--> statement-breakpoint
CREATE TABLE "risk_organizations" (
	"org_id" uuid NOT NULL,
	"settings" jsonb NOT NULL,
	"model" text NOT NULL,
	"serious_days" integer NOT NULL,
	"day" date NOT NULL,
	"next_pass_at" timestamp (3) with time zone NOT NULL,
	"followed_seq" bigint NOT NULL,
	"state" jsonb NOT NULL,
	"distribution" jsonb NOT NULL,
	"late_covariance" "bytea" NOT NULL,
	"serious_covariance" "bytea" NOT NULL,
	"reset_on" date,
	"is_stale" boolean NOT NULL,
	"version" integer NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "risk_organizations_org_id_pk" PRIMARY KEY("org_id")
);
--> statement-breakpoint
CREATE TABLE "risk_rankings" (
	"org_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"scored_on" date NOT NULL,
	"score" integer NOT NULL,
	"band" text NOT NULL,
	"late" double precision NOT NULL,
	"seriously_late" double precision NOT NULL,
	CONSTRAINT "risk_rankings_org_id_client_id_pk" PRIMARY KEY("org_id","client_id")
);
--> statement-breakpoint
CREATE TABLE "risk_scores" (
	"org_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"day" date NOT NULL,
	"score" integer NOT NULL,
	"band" text NOT NULL,
	"late" double precision NOT NULL,
	"seriously_late" double precision NOT NULL,
	CONSTRAINT "risk_scores_org_id_client_id_day_pk" PRIMARY KEY("org_id","client_id","day")
);
--> statement-breakpoint
CREATE TABLE "risk_weights" (
	"org_id" uuid NOT NULL,
	"day" date NOT NULL,
	"late" "bytea" NOT NULL,
	"serious" "bytea" NOT NULL,
	"late_outcomes" integer NOT NULL,
	"serious_outcomes" integer NOT NULL,
	CONSTRAINT "risk_weights_org_id_day_pk" PRIMARY KEY("org_id","day")
);
--> statement-breakpoint
ALTER TABLE "risk_claims" ADD CONSTRAINT "risk_claims_invoice" FOREIGN KEY ("org_id","invoice_id") REFERENCES "invoices"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_clients" ADD CONSTRAINT "risk_clients_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_exposures" ADD CONSTRAINT "risk_exposures_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_organizations" ADD CONSTRAINT "risk_organizations_organization" FOREIGN KEY ("org_id") REFERENCES "organizations"("org_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_rankings" ADD CONSTRAINT "risk_rankings_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "risk_scores" ADD CONSTRAINT "risk_scores_client" FOREIGN KEY ("org_id","client_id") REFERENCES "clients"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "risk_claims_of_client" ON "risk_claims" USING btree ("org_id","client_id","issued_on");--> statement-breakpoint
CREATE INDEX "risk_claims_open" ON "risk_claims" USING btree ("org_id","client_id") WHERE "risk_claims"."settled_on" is null;--> statement-breakpoint
CREATE INDEX "risk_claims_late_known" ON "risk_claims" USING btree ("org_id","late_known_on");--> statement-breakpoint
CREATE INDEX "risk_claims_serious_known" ON "risk_claims" USING btree ("org_id","serious_known_on");--> statement-breakpoint
CREATE INDEX "risk_exposures_by_expected_bad" ON "risk_exposures" USING btree ("org_id","currency","expected_bad_minor","client_id");--> statement-breakpoint
CREATE INDEX "risk_rankings_by_score" ON "risk_rankings" USING btree ("org_id","score","client_id");--> statement-breakpoint
CREATE INDEX "payments_reversed" ON "payments" USING btree ("org_id","client_id") WHERE "payments"."status" = 'reversed';--> statement-breakpoint
select dunwell_protect('risk_organizations', 'select, insert, update');--> statement-breakpoint
select dunwell_protect('risk_days', 'select, insert, update, delete');--> statement-breakpoint
select dunwell_protect('risk_weights', 'select, insert, update, delete');--> statement-breakpoint
select dunwell_protect('risk_claims', 'select, insert, update, delete');--> statement-breakpoint
select dunwell_protect('risk_clients', 'select, insert, update, delete');--> statement-breakpoint
select dunwell_protect('risk_rankings', 'select, insert, update, delete');--> statement-breakpoint
select dunwell_protect('risk_exposures', 'select, insert, update, delete');--> statement-breakpoint
select dunwell_protect('risk_scores', 'select, insert, update, delete');--> statement-breakpoint
-- The scheduler sees where the scores of each organization stand, and where its events do.
create policy scheduler_reads on risk_organizations for select to dunwell_scheduler using (true);
create policy scheduler_reads on event_chains for select to dunwell_scheduler using (true);
grant select (org_id, followed_seq, next_pass_at) on risk_organizations to dunwell_scheduler;
grant select (org_id, last_seq) on event_chains to dunwell_scheduler;

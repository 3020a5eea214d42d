ALTER TABLE "api_keys" ADD COLUMN "items_per_minute" integer;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "items_per_minute" integer;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "connections" integer;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_limit" CHECK ("api_keys"."items_per_minute" between 0 and 10000000);--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_limits" CHECK ("organizations"."items_per_minute" between 0 and 10000000 and "organizations"."connections" between 1 and 200);
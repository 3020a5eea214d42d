ALTER TABLE "deadlines" ADD COLUMN "parked_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "obligations" ADD COLUMN "parked_at" timestamp (3) with time zone;
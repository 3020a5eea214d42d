-- What was there when an agreement was made is kept by payment, so that taking it back counts neither for the agreement nor against it.
ALTER TABLE "payment_plans" ADD COLUMN "already" jsonb DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "payment_plans" ALTER COLUMN "already" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "payment_plans" DROP COLUMN "already_minor";--> statement-breakpoint
ALTER TABLE "promises" ADD COLUMN "already" jsonb DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "promises" ALTER COLUMN "already" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "promises" DROP COLUMN "already_minor";

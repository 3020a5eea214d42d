ALTER TABLE "obligations" DROP CONSTRAINT "obligations_amount";--> statement-breakpoint
ALTER TABLE "obligations" ADD CONSTRAINT "obligations_amount" CHECK ("obligations"."amount_minor" >= 0);
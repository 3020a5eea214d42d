DROP INDEX "webhook_queue_ready";--> statement-breakpoint
ALTER TABLE "webhook_queue" DROP CONSTRAINT "webhook_queue_org_id_delivery_id_pk";--> statement-breakpoint
ALTER TABLE "webhook_queue" ADD CONSTRAINT "webhook_queue_delivery_id_pk" PRIMARY KEY("delivery_id");--> statement-breakpoint
CREATE INDEX "webhook_queue_ready" ON "webhook_queue" USING btree ("endpoint_id","ready_at");
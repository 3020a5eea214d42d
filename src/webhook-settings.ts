import { type Config, rangesOf } from './config.ts'
import { type AddressPolicy, addressPolicy } from './modules/webhooks/address-guard.ts'
import { type DisablingConfig, standardDisabling } from './modules/webhooks/failing.ts'
import { type CircuitConfig, standardCircuit } from './modules/webhooks/health.ts'
import { type RetrySchedule, scaleSchedule, standardSchedule } from './modules/webhooks/schedule.ts'

export type WebhookSettings = Readonly<{
  addressPolicy: AddressPolicy
  circuit: CircuitConfig
  disabling: DisablingConfig
  schedule: RetrySchedule
  concurrency: number
  leaseMs: number
  timeoutMaxMs: number
}>

type Wanted = Pick<
  Config,
  | 'DUNWELL_ALLOW_HTTP_WEBHOOKS'
  | 'DUNWELL_WEBHOOK_ALLOW'
  | 'DUNWELL_WEBHOOK_PORTS'
  | 'DUNWELL_WEBHOOK_SCHEDULE_SCALE'
  | 'DUNWELL_WEBHOOK_CONCURRENCY'
  | 'DUNWELL_WEBHOOK_LEASE_MS'
  | 'DUNWELL_WEBHOOK_TIMEOUT_MAX_MS'
>

/** @param isDevelopment the development server is in use: webhooks may go to this machine, by http too. */
export function webhookSettings(config: Wanted, { isDevelopment }: { isDevelopment: boolean }): WebhookSettings {
  const scale = config.DUNWELL_WEBHOOK_SCHEDULE_SCALE
  const allowedCidrs = rangesOf(config.DUNWELL_WEBHOOK_ALLOW)
  const { DUNWELL_ALLOW_HTTP_WEBHOOKS: allowHttp, DUNWELL_WEBHOOK_PORTS: listed } = config
  const ports = listed === 'any' ? listed : listed.split(',').map(Number)
  return {
    addressPolicy: addressPolicy({ allowHttp, allowLoopback: isDevelopment, allowedCidrs, ports }),
    circuit: {
      ...standardCircuit,
      pauseMinMs: standardCircuit.pauseMinMs * scale,
      pauseMaxMs: standardCircuit.pauseMaxMs * scale
    },
    disabling: { ...standardDisabling, afterMs: standardDisabling.afterMs * scale },
    schedule: scaleSchedule(standardSchedule, scale),
    concurrency: config.DUNWELL_WEBHOOK_CONCURRENCY,
    leaseMs: config.DUNWELL_WEBHOOK_LEASE_MS,
    timeoutMaxMs: config.DUNWELL_WEBHOOK_TIMEOUT_MAX_MS
  }
}

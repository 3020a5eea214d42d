import { randomBytes } from 'node:crypto'
import { addressPolicy } from '../../src/modules/webhooks/address-guard.ts'
import { standardDisabling } from '../../src/modules/webhooks/failing.ts'
import { standardCircuit } from '../../src/modules/webhooks/health.ts'
import { createSecretBox } from '../../src/modules/webhooks/secret-box.ts'

/** What services need besides a database and a clock: webhooks may go to loopback, secrets are sealed with a key of this run. */
export function webhookParts() {
  return {
    random: Math.random,
    secretBox: createSecretBox([randomBytes(32)]),
    addressPolicy: addressPolicy({ allowLoopback: true }),
    circuit: standardCircuit,
    disabling: standardDisabling
  }
}

/** `share`: floor's cost over ours, 1 would be free. `times`: our cost over the floor's. `seconds`: a time as it is. */
export type TargetKind = 'share' | 'times' | 'seconds'

export type TargetId =
  | 'P1'
  | 'P2'
  | 'P4'
  | 'P5'
  | 'P6'
  | 'P7'
  | 'P8'
  | 'P9'
  | 'P10'
  | 'P11 given'
  | 'P11 embedded'
  | 'P13'
  | 'P14'
  | 'P15 payment'
  | 'P15 reversal'

export type Target = Readonly<{ id: TargetId; work: string; floor: string; kind: TargetKind; must: number; aim: number }>

/** What has to be reached. A floor is the least that the work could cost on the machine that it runs on. */
export const targets: readonly Target[] = [
  {
    id: 'P1',
    work: 'GET an invoice, with key, scope and schema',
    floor: 'bare Fastify route, the same scoped and pipelined transaction',
    kind: 'share',
    must: 0.75,
    aim: 0.9
  },
  {
    id: 'P2',
    work: 'POST an invoice, with all that hangs on it',
    floor: 'bare Fastify route, the same rows by one prepared statement',
    kind: 'share',
    must: 0.45,
    aim: 0.7
  },
  {
    id: 'P4',
    work: 'sweep 100k due of 1M open',
    floor: 'one statement that writes the same rows',
    kind: 'share',
    must: 0.6,
    aim: 0.85
  },
  {
    id: 'P5',
    work: 'the same sweep, of 1M open instead of 100k',
    floor: 'of 100k open',
    kind: 'times',
    must: 1.3,
    aim: 1.1
  },
  {
    id: 'P6',
    work: 'deliver webhooks, the full path',
    floor: 'bare undici loop, the same bodies',
    kind: 'share',
    must: 0.5,
    aim: 0.75
  },
  {
    id: 'P7',
    work: 'deliver webhooks, the full path',
    floor: 'graphile-worker or pg-boss, whichever is faster',
    kind: 'share',
    must: 1,
    aim: 1.3
  },
  {
    id: 'P8',
    work: 'deliver beside an endpoint that hangs, 5k queued for it',
    floor: 'the same without it',
    kind: 'times',
    must: 2,
    aim: 1.2
  },
  {
    id: 'P9',
    work: 'score a client with 1,000 invoices',
    floor: 'GET an invoice of the same service',
    kind: 'share',
    must: 0.5,
    aim: 0.8
  },
  {
    id: 'P10',
    work: 'rescore 100k clients with 1M invoices',
    floor: 'one SQL aggregate over the same rows',
    kind: 'times',
    must: 10,
    aim: 4
  },
  { id: 'P11 given', work: 'start to ready, database given', floor: '–', kind: 'seconds', must: 1.5, aim: 0.7 },
  { id: 'P11 embedded', work: 'start to ready, embedded, warm', floor: '–', kind: 'seconds', must: 4, aim: 2 },
  {
    id: 'P13',
    work: 'POST an invoice, p95, beside an organization that floods',
    floor: 'the same organization alone',
    kind: 'times',
    must: 3,
    aim: 1.5
  },
  {
    id: 'P14',
    work: 'event loop delay, p99.9, one client of 100k open changing',
    floor: '–',
    kind: 'seconds',
    must: 0.05,
    aim: 0.02
  },
  {
    id: 'P15 payment',
    work: 'a payment that settles 20k invoices',
    floor: 'one statement that writes the same rows',
    kind: 'share',
    must: 0.3,
    aim: 0.6
  },
  {
    id: 'P15 reversal',
    work: 'the reversal of that payment',
    floor: 'one statement that writes the same rows',
    kind: 'share',
    must: 0.3,
    aim: 0.6
  }
]

export type Verdict = 'misses' | 'reaches' | 'reaches the aim'

/** @param value a share, a multiple or seconds, as the target's kind says. */
export function verdictOn(value: number, { kind, must, aim }: Target): Verdict {
  const reaches = (limit: number) => (kind === 'share' ? value >= limit : value <= limit)
  if (reaches(aim)) return 'reaches the aim'
  return reaches(must) ? 'reaches' : 'misses'
}

import type { Api } from './api.ts'

/** One client of the story with what it does, in the order of its days. */
export type Role = Readonly<{ code: string; name: string; title: string; acts: readonly Act[] }>

/** At 10:00 of a day, in the organization's zone. Days are `MM-DD` of the year that the story plays in. */
type Act = Readonly<{ on: string; play: (scene: Scene) => Promise<unknown> }>

/** What a client of the story speaks through, and what it left behind. */
export type Scene = Readonly<{
  api: Api
  clientId: string
  /** A day of the story's year. */
  dayOf: (on: string) => string
  /** What earlier acts made, by their names. */
  made: Map<string, string>
}>

const EUR = 'EUR'

const idOf = ({ made }: Scene, name: string) => {
  const id = made.get(name)
  if (id === undefined) throw new Error(`The story speaks of ${name}, which nobody made.`)
  return id
}

async function keep(scene: Scene, name: string, answer: Promise<{ id: string }>): Promise<void> {
  scene.made.set(name, (await answer).id)
}

const issue = (on: string, number: string, total: string, due: string): Act => ({
  on,
  play: (scene) => {
    const { api, clientId: client_id, dayOf } = scene
    return keep(scene, number, api.post('/v1/invoices', { client_id, number, currency: EUR, total, due_on: dayOf(due) }))
  }
})

const pay = (on: string, amount: string): Act => ({
  on,
  play: ({ api, clientId: client_id }) => api.post('/v1/payments', { client_id, currency: EUR, amount })
})

const promise = (on: string, number: string, amount: string, by: string): Act => ({
  on,
  play: (scene) => {
    const { api, clientId: client_id, dayOf } = scene
    const word = { amount, currency: EUR, promised_on: dayOf(by), channel: 'phone' }
    return api.post('/v1/promises', { client_id, invoice_ids: [idOf(scene, number)], ...word })
  }
})

const dispute = (on: string, number: string, amount: string): Act => ({
  on,
  play: (scene) =>
    keep(scene, 'dispute', scene.api.post('/v1/disputes', { invoice_id: idOf(scene, number), amount, reason: 'quality' }))
})

const uphold = (on: string): Act => ({
  on,
  play: (scene) => scene.api.post(`/v1/disputes/${idOf(scene, 'dispute')}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
})

type Schedule = Readonly<{ count: number; every: 'weekly' | 'monthly'; from: string }>

const propose = (on: string, numbers: readonly string[], { count, every, from }: Schedule): Act => ({
  on,
  play: (scene) => {
    const { api, clientId: client_id, dayOf } = scene
    const schedule = { kind: 'equal', count, every, first_on: dayOf(from) }
    const invoice_ids = numbers.map((number) => idOf(scene, number))
    return keep(scene, 'plan', api.post('/v1/payment-plans', { client_id, invoice_ids, schedule }))
  }
})

const accept = (on: string, by: string): Act => ({
  on,
  play: (scene) => scene.api.post(`/v1/payment-plans/${idOf(scene, 'plan')}/accept`, { accepted_by: by, channel: 'e_mail' })
})

const announce = (on: string, number: string, amount: string, matures: string): Act => ({
  on,
  play: (scene) => {
    const { api, clientId: client_id, dayOf } = scene
    const cheque = { status: 'pending', matures_on: dayOf(matures), instrument: { kind: 'cheque', number: '0042' } }
    const allocations = [{ invoice_id: idOf(scene, number), amount }]
    return keep(scene, 'cheque', api.post('/v1/payments', { client_id, currency: EUR, amount, allocations, ...cheque }))
  }
})

const bounce = (on: string): Act => ({
  on,
  play: (scene) => scene.api.post(`/v1/payments/${idOf(scene, 'cheque')}/fail`, {})
})

/** Six clients who agree on something, and what becomes of it. The ladder is the one that an organization starts with. */
export const cast: readonly Role[] = [
  {
    code: 'T-1',
    name: 'Lindqvist Snickeri AB',
    title: 'promised to pay, and did',
    acts: [issue('02-03', 'T-101', '1200.00', '02-10'), promise('02-14', 'T-101', '1200.00', '02-24'), pay('02-24', '1200.00')]
  },
  {
    code: 'T-2',
    name: 'Osteria del Porto',
    title: 'promised to pay, and did not',
    acts: [issue('02-03', 'T-102', '900.00', '02-10'), promise('02-14', 'T-102', '900.00', '02-20'), pay('04-02', '900.00')]
  },
  {
    code: 'T-3',
    name: 'Hafen & Kran GmbH',
    title: 'disputed a part, and was right',
    acts: [
      issue('03-03', 'T-103', '800.00', '03-17'),
      dispute('03-21', 'T-103', '200.00'),
      uphold('03-28'),
      pay('04-02', '600.00')
    ]
  },
  {
    code: 'T-4',
    name: 'Café Morgane',
    title: 'agreed on a plan, and kept it',
    acts: [
      ...[issue('02-17', 'T-104', '600.00', '03-10'), issue('02-24', 'T-105', '900.00', '03-10')],
      ...[
        propose('03-24', ['T-104', 'T-105'], { count: 3, every: 'monthly', from: '04-01' }),
        accept('03-25', 'Morgane Le Gall')
      ],
      ...[pay('04-01', '500.00'), pay('05-02', '500.00'), pay('05-30', '500.00')]
    ]
  },
  {
    code: 'T-5',
    name: 'Brekke Transport AS',
    title: 'agreed on a plan, and broke it',
    acts: [
      issue('03-24', 'T-106', '1000.00', '04-07'),
      propose('04-22', ['T-106'], { count: 4, every: 'weekly', from: '05-02' }),
      ...[accept('04-23', 'Kari Brekke'), pay('05-02', '250.00'), pay('06-12', '750.00')]
    ]
  },
  {
    code: 'T-6',
    name: 'Papelaria Sol',
    title: 'sent a post-dated cheque, which bounced',
    acts: [
      issue('04-14', 'T-107', '450.00', '04-28'),
      announce('05-05', 'T-107', '450.00', '05-19'),
      ...[bounce('05-20'), pay('06-03', '450.00')]
    ]
  }
]

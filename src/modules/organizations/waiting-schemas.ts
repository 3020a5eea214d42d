import { Type } from 'typebox'

const PromiseGraceDays = Type.Integer({
  minimum: 0,
  maximum: 30,
  description: 'Calendar days after a promised day on which money still keeps the promise'
})
const ClearingDays = Type.Integer({
  minimum: 0,
  maximum: 30,
  description: 'How many days after it matures announced money holds what it covers, unless you say before what became of it'
})

const AnnouncedDaysMax = Type.Integer({
  minimum: 1,
  maximum: 3650,
  description:
    'How many days ahead money may be announced (`matures_on`) or promised (`promised_on`); 400 unless set. What it covers is not dunned until then'
})

/** For how long dunning waits for money that is promised or announced. */
export const waitingFields = {
  promise_grace_days: PromiseGraceDays,
  clearing_days: ClearingDays,
  announced_days_max: AnnouncedDaysMax
}

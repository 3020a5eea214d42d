import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { PolicyRef } from './facts.ts'
import type { StageEntry } from './ladder.ts'
import type { StageAction } from './policy.ts'

/** A stage entry about to be written, with what it was decided under. */
export type NewEntry = StageEntry &
  Readonly<{
    id: string
    obligationId: string
    invoiceId: string
    clientId: string
    cycle: number
    /** Codes that were passed over. */
    skipped: readonly string[]
    policy: PolicyRef
    /** As it was then: a later cycle has another one. */
    dueOn: Day
    daysOverdue: number
    /** What was open then, in minor units. */
    balanceMinor: bigint
    /** What the stage asked for besides a message. */
    action: StageAction | null
  }>

/** A stage entry as it is kept. A mistaken one stays for the record and no longer counts. */
export type Entry = NewEntry &
  Readonly<{
    kind: 'entered' | 'baseline'
    calendarVersion: number
    currency: Currency
    enteredAt: Date
    recordedAt: Date
    /** When a notice told the client of it. */
    toldAt: Date | null
    mistakenAt: Date | null
    mistakenReason: string | null
  }>

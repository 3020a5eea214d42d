/** In the order in which deadlines of one instant are met: what ends a hold goes before what such an end lets out. */
export const deadlineKinds = ['payment', 'promise', 'payment_plan', 'dispute', 'hold', 'notice'] as const
export type DeadlineKind = (typeof deadlineKinds)[number]

export type Deadline = Readonly<{ kind: DeadlineKind; objectId: string; clientId: string }>
/** `parkedAt`: since when it makes no progress; null while it does. */
export type Due = Deadline & Readonly<{ at: Date; parkedAt: Date | null }>

const rankOf = ({ kind }: Pick<Deadline, 'kind'>) => deadlineKinds.indexOf(kind)

/** By kind, then by id, which is by age. */
export function inOrder<One extends Deadline & Readonly<{ at: Date }>>(due: readonly One[]): One[] {
  return due.toSorted((a, b) => a.at.getTime() - b.at.getTime() || rankOf(a) - rankOf(b) || (a.objectId < b.objectId ? -1 : 1))
}

/** The kind whose turn was first. */
export function earliestOf(due: readonly Pick<Deadline, 'kind'>[]): DeadlineKind {
  return deadlineKinds.find((kind) => due.some((one) => one.kind === kind)) ?? 'payment'
}

/**
 * Whether an instant that is left while a deadline is met leads on: it lies ahead, or is of a later kind, whose turn comes yet. Every
 * chain of deadlines of one instant has an end by that.
 */
export function leadsOn(
  { kind, at }: Readonly<{ kind: DeadlineKind; at: Date }>,
  met: Readonly<{ kind: DeadlineKind; now: Date }>
): boolean {
  return at > met.now || rankOf({ kind }) > rankOf(met)
}

/** A deadline could not be met, and with it nothing of its batch was kept. */
export class DeadlineFailed extends Error {
  override readonly name = 'DeadlineFailed'
  readonly due: Due

  constructor(due: Due, cause: unknown) {
    super(`The ${due.kind} ${due.objectId}, which was due, failed.`, { cause })
    this.due = due
  }
}

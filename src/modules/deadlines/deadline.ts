/** In the order in which deadlines of one instant are met: what ends a hold goes before what such an end lets out. */
export const deadlineKinds = ['payment', 'promise', 'payment_plan', 'dispute', 'hold', 'notice'] as const
export type DeadlineKind = (typeof deadlineKinds)[number]

export type Deadline = Readonly<{ kind: DeadlineKind; objectId: string; clientId: string }>

/** By kind, then by id, which is by age. */
export function inOrder(due: readonly (Deadline & Readonly<{ at: Date }>)[]): Deadline[] {
  const rank = ({ kind }: Deadline) => deadlineKinds.indexOf(kind)
  return due.toSorted((a, b) => a.at.getTime() - b.at.getTime() || rank(a) - rank(b) || (a.objectId < b.objectId ? -1 : 1))
}

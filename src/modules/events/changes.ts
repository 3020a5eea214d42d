import type { Tx } from '../../db/client.ts'
import type { EventDraft, EventType } from './event.ts'
import type { EventService } from './service.ts'

/** An object in one transaction: as it was before, and as it is now where that is known. */
type Change<View> = Readonly<{ before: View; isNew: boolean; after: View | undefined; contexts: Contexts }>

/** By type of event, what it carries besides the object; the last word counts. */
export type Contexts = Readonly<Partial<Record<EventType, object>>>

/** What else is told of an object, by the state in which the transaction leaves it. */
type Telling<View> = Readonly<{ id: string; draftsOf: (after: View) => readonly EventDraft[] }>

type Changing<View, Context> = Readonly<{ context: Context; changes: Map<string, Change<View>>; telling: Telling<View>[] }>

export type ChangesDeps<View, Context> = Readonly<{
  events: EventService
  idOf: (view: View) => string
  read: (tx: Tx, ids: readonly string[]) => Promise<readonly View[]>
  /** Goes through many a part at a time. */
  inParts: <T>(items: readonly T[]) => AsyncIterable<readonly T[]>
  /** Derives the events of one object from how the transaction found it and how it leaves it. */
  draftsOf: (
    change: Readonly<{ before: View; after: View; isNew: boolean; contexts: Contexts }>,
    context: Context
  ) => readonly EventDraft[]
}>

/**
 * Collects which objects a transaction changes. Before the commit their events are derived from the states before and after, so that
 * an event belongs to what became of an object and not to the command, and carries the state that is committed.
 */
export function createChanges<View, Context extends Readonly<{ now: Date }>>(deps: ChangesDeps<View, Context>) {
  const { events, idOf, read, inParts, draftsOf } = deps
  const byTransaction = new WeakMap<Tx, Changing<View, Context>>()

  async function tell(tx: Tx): Promise<void> {
    const changing = byTransaction.get(tx)
    if (changing === undefined) return
    byTransaction.delete(tx)
    const { changes, context, telling } = changing
    const unread = [...changes].flatMap(([id, { after }]) => (after === undefined ? [id] : []))
    const views = unread.length === 0 ? [] : await read(tx, unread)
    const found = new Map(views.map((view) => [idOf(view), view]))
    const afterOf = (id: string) => changes.get(id)?.after ?? found.get(id)
    const drafts: EventDraft[] = []
    for await (const part of inParts(telling)) {
      for (const one of part) {
        const after = afterOf(one.id)
        if (after !== undefined) drafts.push(...one.draftsOf(after))
      }
    }
    for await (const part of inParts([...changes])) {
      for (const [id, change] of part) {
        const after = afterOf(id)
        if (after !== undefined) drafts.push(...draftsOf({ ...change, after }, context))
      }
    }
    await events.append(tx, { occurredAt: context.now, drafts })
  }

  function changingIn(tx: Tx, context: Context): Map<string, Change<View>> {
    const known = byTransaction.get(tx)
    if (known !== undefined) return known.changes
    const changes = new Map<string, Change<View>>()
    byTransaction.set(tx, { context, changes, telling: [] })
    tx.atEnd(() => tell(tx))
    return changes
  }

  return {
    /** Call before writing. The first state of an object in the transaction is the one that its events are derived from. */
    changing(tx: Tx, context: Context, views: readonly View[], contexts: Contexts = {}): void {
      const changes = changingIn(tx, context)
      for (const view of views) {
        const known = changes.get(idOf(view)) ?? { before: view, isNew: false, contexts: {} }
        changes.set(idOf(view), { ...known, after: undefined, contexts: { ...known.contexts, ...contexts } })
      }
    },

    /** New objects, as they are written. */
    created(tx: Tx, context: Context, views: readonly View[]): void {
      const changes = changingIn(tx, context)
      for (const view of views) changes.set(idOf(view), { before: view, isNew: true, after: view, contexts: {} })
    },

    /** The states as they were just read, which saves reading them again. Only of objects that are changing. */
    stand(tx: Tx, views: readonly View[]): void {
      const changes = byTransaction.get(tx)?.changes
      for (const view of views) {
        const change = changes?.get(idOf(view))
        if (change !== undefined) changes?.set(idOf(view), { ...change, after: view })
      }
    },

    /** Tells more of a changing object, before what follows from its states. @returns false of one that is not changing. */
    tellWith(tx: Tx, id: string, draftsOf: (after: View) => readonly EventDraft[]): boolean {
      const changing = byTransaction.get(tx)
      if (changing?.changes.has(id) !== true) return false
      changing.telling.push({ id, draftsOf })
      return true
    },

    /** How the transaction found an object; undefined of one that it does not change. */
    foundAs: (tx: Tx, id: string): View | undefined => byTransaction.get(tx)?.changes.get(id)?.before,

    /** Something else wrote to these objects: their states are read again. Those that are not changing are left out. */
    touched(tx: Tx, ids: readonly string[]): void {
      const changes = byTransaction.get(tx)?.changes
      if (changes === undefined) return
      for (const id of ids) {
        const change = changes.get(id)
        if (change !== undefined) changes.set(id, { ...change, after: undefined })
      }
    }
  }
}

export type Changes<View, Context> = ReturnType<typeof createChanges<View, Context & Readonly<{ now: Date }>>>

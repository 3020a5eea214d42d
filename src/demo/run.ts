import { type Books, type BooksOptions, openBooks } from './books.ts'
import { type Chapter, chronicleOf, storyEvents } from './chronicle.ts'
import { agingOf, type OpenItem } from './figures.ts'
import { eventCounts, judge, openItems, slowest, stageCounts, type Verdict } from './findings.ts'
import type { Host } from './host.ts'
import type { Ledger, LedgerProblem, LedgerRow } from './ledger.ts'
import { createPostings } from './postings.ts'
import { type ReceivedEvent, type Receiver, startReceiver } from './receiver.ts'
import type { DemoReport } from './report.ts'
import { staged } from './staging.ts'
import type { Role } from './story.ts'
import { type Timeline, timelineOf } from './timeline.ts'
import { walk } from './walk.ts'

/** How many days are walked after the last movement: the standard policy's last stage is entered 60 days after the due date. */
export const DAYS_AFTER = 60

export const demoEvents = [
  'invoice.dunning_stage_entered',
  'invoice.dunning_cleared',
  'invoice.dunning_retracted',
  'client.dunning_notice_due',
  'invoice.overdue',
  'invoice.paid'
] as const

export type Situation = Readonly<{ nowMs: number; webhooks: number; invoices: number; payments: number }>

export type WalkLedgerOptions = Readonly<{
  host: Host
  rows: readonly LedgerRow[]
  timeline: Timeline
  /** Clients who agree on something along the way. */
  cast?: readonly Role[]
  books: Omit<BooksOptions, 'timeline' | 'receiver'>
  signal: AbortSignal
  onProgress: (situation: Situation) => void
}>

/** What a walk found. The organization and the receiver stay until `close`. */
export type WalkedLedger = Readonly<{
  books: Books
  /** What arrived with a valid signature, in the order of arrival. */
  events: readonly ReceivedEvent[]
  /** What the service refused, by line. */
  refused: readonly LedgerProblem[]
  /** What was open when the last issue day ended, and at the end. */
  open: Readonly<{ atLastIssue: readonly OpenItem[]; atEnd: readonly OpenItem[] }>
  verdict: Verdict
  duplicates: number
  /** Of the cast, as the webhooks told. */
  story: readonly Chapter[]
  /** With the days of the story. */
  timeline: Timeline
  close: () => Promise<void>
}>

/** Walks a ledger through a new organization of the service, with a receiver of its own, over HTTP alone. */
export async function walkLedger({ host, rows, signal, onProgress, ...options }: WalkLedgerOptions): Promise<WalkedLedger> {
  const { cast = [] } = options
  const staging = staged(options.timeline, { cast, daysAfter: DAYS_AFTER })
  const { timeline } = staging
  let playing: ReadonlyMap<string, string> = new Map()
  const receiver = await startReceiver({ keepsAllOf: (id) => playing.values().some((clientId) => clientId === id) })
  const undo = [receiver.close]
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const books = await openBooks(host, rows, { ...options.books, timeline, receiver })
    undo.push(books.api.close)
    playing = await staging.open(books.api)
    const found = await walked({ books, receiver, timeline, signal, onProgress })
    const story = chronicleOf(cast, { clientIds: playing, events: found.events, timeZone: timeline.timeZone })
    return { ...found, story, timeline, close }
  } catch (error) {
    await close()
    throw error
  }
}

type Walking = Pick<WalkLedgerOptions, 'timeline' | 'signal' | 'onProgress'> & Readonly<{ books: Books; receiver: Receiver }>

async function walked({
  books,
  receiver,
  timeline,
  signal,
  onProgress
}: Walking): Promise<Omit<WalkedLedger, 'close' | 'story' | 'timeline'>> {
  const { api, clientIds, endpointId } = books
  const postings = createPostings(api, { clientIds })
  let atLastIssue: OpenItem[] = []
  await walk({
    ...{ api, timeline, postings, endpointId, signal },
    onProgress: (nowMs) => onProgress({ nowMs, webhooks: receiver.counts().verified, ...postings.counts() }),
    onIssued: async () => {
      atLastIssue = await openItems(api)
    }
  })
  const atEnd = await openItems(api)
  const verdict = await judge(api, receiver)
  const { duplicates } = receiver.counts()
  return { books, events: receiver.events(), refused: postings.problems(), open: { atLastIssue, atEnd }, verdict, duplicates }
}

/** Rows that the service could not keep because of their dates, as it says itself. */
export function datedRows({ rows, problems }: Ledger): Ledger {
  const isKept = (row: LedgerRow) =>
    [row.issuedOn, row.dueOn, ...row.payments.map(({ on }) => on)].every((on) => on >= FROM && on <= UNTIL)
  const problem = `a date lies outside ${FROM} to ${UNTIL}.`
  const others = rows.filter((row) => !isKept(row)).map(({ line }) => ({ line, problem }))
  return { rows: rows.filter(isKept), problems: [...problems, ...others].sort((a, b) => a.line - b.line) }
}

const FROM = '1970-01-01'
const UNTIL = '2199-12-31'

export type DemoOptions = Pick<WalkLedgerOptions, 'host' | 'signal' | 'onProgress'> &
  Readonly<{ ledger: Ledger; source: string; policy: BooksOptions['policy']; cast: readonly Role[]; nowMs: () => number }>

export type Demo = Readonly<{ report: DemoReport; walked: WalkedLedger }>

/** The walk with everything that the demo tells of it. */
export async function runDemo({ ledger, source, policy, cast, nowMs, ...options }: DemoOptions): Promise<Demo> {
  const startedMs = nowMs()
  const { rows, problems } = ledger
  const books = { policy, eventTypes: cast.length === 0 ? demoEvents : [...new Set([...demoEvents, ...storyEvents])] }
  const found = await walkLedger({ ...options, rows, timeline: demoTimeline(rows), cast, books })
  const { timeline } = found
  const { firstOn, lastIssueOn, lastOn } = timeline
  const { events, verdict } = found
  const report: DemoReport = {
    ledger: {
      source,
      rows: rows.length - found.refused.length,
      clients: found.books.clientIds.size,
      problems: [...problems, ...found.refused].sort((a, b) => a.line - b.line)
    },
    span: { firstOn, lastOn, days: daysOf(timeline), daysAfter: DAYS_AFTER },
    elapsedMs: nowMs() - startedMs,
    stages: stageCounts(events, found.books.stages),
    webhooks: {
      delivered: verdict.delivered,
      verified: verdict.verified,
      rejected: verdict.rejected,
      duplicates: found.duplicates,
      byType: eventCounts(events)
    },
    verdict,
    story: found.story,
    receivables: [
      { asOf: lastIssueOn, rows: agingOf(found.open.atLastIssue, lastIssueOn) },
      { asOf: lastOn, rows: agingOf(found.open.atEnd, lastOn) }
    ],
    slowestPayers: slowest(rows, { events, timeline })
  }
  return { report, walked: found }
}

export function demoTimeline(rows: readonly LedgerRow[]): Timeline {
  return timelineOf(rows, { daysAfter: DAYS_AFTER })
}

/** Days of the organization's time that a walk takes. */
export function daysOf({ startAt, endAt }: Timeline): number {
  return Math.ceil((endAt.getTime() - startAt.getTime()) / DAY_MS)
}

const DAY_MS = 86_400_000

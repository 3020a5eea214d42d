export type Attributes = Readonly<Record<string, string | number>>

/** A part of a trace, while it lasts. */
export type Span = Readonly<{ set: (attributes: Attributes) => void; fail: (reason: string) => void }>

export type NewSpan = Readonly<{
  name: string
  kind: 'server' | 'client' | 'internal'
  /** The W3C trace context that it continues; null begins a trace. */
  from: string | null
  attributes?: Attributes
}>

/** Tells a collector of traces what happens. */
export type Tracing = Readonly<{
  /** W3C trace context of what runs now; null where it is traced by nobody. */
  current: () => string | null
  follow: <T>(span: NewSpan, work: (span: Span) => Promise<T>) => Promise<T>
  /** A statement is a part of what runs now. Where that is traced by nobody, the statement is not either. */
  statement: <T>(statement: Readonly<{ name: string; text: string }>, work: () => Promise<T>) => Promise<T>
}>

const nothing: Span = { set: () => undefined, fail: () => undefined }

export const untraced: Tracing = {
  current: () => null,
  follow: (_, work) => work(nothing),
  statement: (_, work) => work()
}

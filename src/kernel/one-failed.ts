/** One of a batch failed, and with it nothing of the batch was kept. Without it, the others go on. */
export class OneFailed extends Error {
  override readonly name = 'OneFailed'
  /** What the next batch is to leave out. */
  readonly id: string

  /** @param what a noun phrase: begins the message. */
  constructor(what: string, { id, cause }: { id: string; cause: unknown }) {
    super(`${what} failed.`, { cause })
    this.id = id
  }
}

/** One of several failed, nobody knows which, and with it nothing of the batch was kept. Of fewer, it can be told. */
export class SomeFailed extends Error {
  override readonly name = 'SomeFailed'
}

import type { FastifyInstance } from 'fastify'
import { documentOf, type Operation, operationAt, operationsOf } from './document.ts'

/** Which operation gave which statuses, in everything that was called since. */
export type Recorder = Readonly<{
  operations: readonly Operation[]
  statusesOf: (operation: Operation) => ReadonlySet<number>
  /** What was given and does not stand in the document, by operation. */
  undocumented: () => string[]
}>

/** Watches every call of one or more apps, all of which have the same operations. */
export function record(first: FastifyInstance, ...others: FastifyInstance[]): Recorder {
  const operations = operationsOf(documentOf(first))
  const given = new Map<string, Set<number>>(operations.map(({ operationId }) => [operationId, new Set()]))
  for (const app of [first, ...others])
    watch(app, ({ method, url, status }) => {
      const operation = operationAt(operations, { method, url })
      if (operation !== undefined) given.get(operation.operationId)?.add(status)
    })
  const statusesOf = ({ operationId }: Operation) => given.get(operationId) ?? new Set()
  return {
    operations,
    statusesOf,
    undocumented: () =>
      operations.flatMap((operation) =>
        [...statusesOf(operation)]
          .filter((status) => !operation.statuses.includes(status))
          .map((status) => `${operation.operationId} gave ${status}, which is not documented`)
      )
  }
}

type Seen = Readonly<{ method: string; url: string; status: number }>

function watch(app: FastifyInstance, see: (seen: Seen) => void): void {
  const inject = app.inject.bind(app) as (options: object) => Promise<{ statusCode: number }>
  const watched = async (options: { method: string; url: string }) => {
    const response = await inject(options)
    see({ method: options.method, url: options.url, status: response.statusCode })
    return response
  }
  Object.assign(app, { inject: watched })
}

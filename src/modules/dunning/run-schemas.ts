import { Type } from 'typebox'
import { closed, Id, InstantText, named, nullable, oneOf, pageQuery, updatedSince } from '../../http/schemas.ts'
import type { Run } from './run-repository.ts'

export const DunningRunSchema = named(
  'DunningRun',
  closed({
    id: Id,
    status: oneOf(['queued', 'done', 'failed'], {
      description:
        '`failed`: a dry run came to something that cannot be decided, or any run failed for a reason that is no client’s and does not pass; `failure` names it'
    }),
    failure: nullable(Type.String({ description: 'Why it failed, for people; null unless `status` is `failed`' })),
    dry_run: Type.Boolean(),
    entered: Type.Integer({ description: 'Stages entered, or that would have been' }),
    overdue: Type.Integer({ description: 'Found overdue for the first time, or that would have been' }),
    created_at: InstantText,
    finished_at: nullable(InstantText)
  })
)

export const RunQuery = closed({ ...pageQuery, ...updatedSince })
export const RequestDunningRun = closed({
  dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Counts what a sweep would do, and does nothing' }))
})

export function runToApi(run: Run) {
  return {
    id: run.id,
    status: run.status,
    failure: run.failure,
    dry_run: run.dryRun,
    entered: run.entered,
    overdue: run.overdue,
    created_at: run.createdAt.toISOString(),
    finished_at: run.finishedAt?.toISOString() ?? null
  }
}

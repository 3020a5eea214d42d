import { addressing } from '../src/modules/events/addressing.ts'
import { eventTypes } from '../src/modules/events/event.ts'
import { firesWhen, webhooksOfDocument } from '../src/modules/events/schemas.ts'
import { withSection, writeOrCheck } from './generated.mjs'

/** Writes the table of events into the consumer's guide, or with `--check` says whether it is as the code has them. */
const guide = 'examples/README.md'
const webhooks = webhooksOfDocument()

function objectOf(type) {
  const { data } = webhooks[type].post.requestBody.content['application/json'].schema.properties
  return data.properties.object.$ref.split('/').at(-1)
}

const rows = eventTypes.map(
  (type) => `| \`${type}\` | ${objectOf(type)} | ${firesWhen[type].replaceAll('|', '\\|')} | ${addressing[type]} |`
)
const table = ['| event | `data.object` | when it fires | the debtor |', '| --- | --- | --- | --- |', ...rows].join('\n')
await writeOrCheck([[guide, await withSection(guide, 'events', table)]], 'npm run docs:events')

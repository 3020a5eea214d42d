import { expect, test } from 'vitest'
import { channelOf, channels } from '../../../src/modules/dunning/outcome.ts'
import { interactionKinds } from '../../../src/modules/interactions/interaction.ts'

test('every channel is shown as it was reported', () => {
  const kinds = channels.map((channel) => (channel === 'other' ? 'note' : channel))
  expect(kinds.map(channelOf)).toEqual(channels)
  expect(interactionKinds).toEqual(expect.arrayContaining(kinds))
})

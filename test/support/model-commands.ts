import { dispute, end, hold, plan, promise, renegotiate, resolve } from './model-agreement-commands.ts'
import { advance, edit, exempt, follow, offboard } from './model-dunning-commands.ts'
import * as money from './model-money-commands.ts'
import { parentPays, reallocate, state } from './model-source-commands.ts'

const { announce, close, correct, describe, fail, issue, pay, recover, replace, reschedule, reverse } = money
const { settle, spend } = money

/** Every command; time, claims and money often. */
export const commands = [
  ...[issue, issue, advance, advance, pay, pay],
  ...[announce, settle, fail, reverse, close, recover, replace, reschedule, correct, describe, spend],
  ...[state, state, parentPays, reallocate],
  ...[dispute, dispute, resolve, hold, promise, plan, renegotiate, end],
  ...[exempt, offboard, edit, follow]
]

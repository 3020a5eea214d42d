import { dispute, end, hold, plan, promise, renegotiate, resolve } from './model-agreement-commands.ts'
import { advance, edit, exempt, offboard } from './model-dunning-commands.ts'
import {
  announce,
  close,
  correct,
  fail,
  issue,
  pay,
  replace,
  reschedule,
  reverse,
  settle,
  spend
} from './model-money-commands.ts'

/** Every command; time, claims and money often. */
export const commands = [
  ...[issue, issue, advance, advance, pay, pay],
  ...[announce, settle, fail, reverse, close, replace, reschedule, correct, spend],
  ...[dispute, dispute, resolve, hold, promise, plan, renegotiate, end],
  ...[exempt, offboard, edit]
]

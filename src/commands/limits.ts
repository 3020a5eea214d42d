import { UsageError } from './command.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const DEFAULT = 'default'

/** @throws UsageError */
export function idOf(option: string, what: string, text: string | undefined): string {
  if (text === undefined || !UUID.test(text)) throw new UsageError(`--${option} is the id of ${what}, a UUID.`)
  return text
}

/** A limit as it is written: a number, or `default` for that of the settings, which is null. @throws UsageError */
export function limitOf(option: string, text: string, { min, max }: { min: number; max: number }): number | null {
  if (text === DEFAULT) return null
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (limit >= min && limit <= max) return limit
  throw new UsageError(`--${option} ${text}: a number from ${min} to ${max}, or ${DEFAULT}.`)
}

export const ITEMS = { min: 0, max: 10_000_000 } as const

/** Limits as they stand, by name. */
export function textOf(limits: Readonly<Record<string, number | null>>, isJson: boolean): string {
  if (isJson) return `${JSON.stringify(limits)}\n`
  const lines = Object.entries(limits).map(([name, limit]) => `${name.replaceAll('_', ' ').padEnd(18)}${limit ?? DEFAULT}\n`)
  return lines.join('')
}

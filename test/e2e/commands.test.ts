import { readFile } from 'node:fs/promises'
import { describe, expect, test, vi } from 'vitest'
import { runCommand } from '../../src/commands/command.ts'
import { commands } from '../../src/commands/commands.ts'
import { complete } from '../support/processes.ts'

/** Nobody listens there, so that a command that did anything would fail instead of showing its usage. */
const NOWHERE = { DATABASE_URL: 'postgres://127.0.0.1:1/none', KEY: '', DUNWELL_SECRET_KEY: '5a'.repeat(32) }

// Each starts a process, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

type Ran = Readonly<{ code: number | null; output: string }>
const started = (file: string, ...argv: string[]) => complete(['exec', process.execPath, file, ...argv].join(' '), NOWHERE)

/** The same in this process: a start takes seconds, and there are many commands. */
async function ran(name: string, ...argv: string[]): Promise<Ran> {
  let output = ''
  const keep = (text: unknown) => {
    output += String(text)
    return true
  }
  const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation(keep))
  try {
    return { code: await runCommand((await commands[name]?.()) ?? expect.unreachable(name), argv, NOWHERE), output }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** Every command, its subcommands, and what npm scripts run beside them. */
const lines: Readonly<Record<string, (...flags: string[]) => Promise<Ran>>> = {
  ...Object.fromEntries(
    Object.keys(commands).map((name) => [`src/cli.ts ${name}`, (...flags: string[]) => ran(name, ...flags)] as const)
  ),
  'src/cli.ts org create': (...flags) => ran('org', 'create', ...flags),
  'src/cli.ts org limits': (...flags) => ran('org', 'limits', ...flags),
  'src/cli.ts key limits': (...flags) => ran('key', 'limits', ...flags),
  'src/cli.ts key create': (...flags) => ran('key', 'create', ...flags),
  'bench/run.ts': (...flags) => started('bench/run.ts', ...flags),
  'test/e2e/ledger-check.ts': (...flags) => started('test/e2e/ledger-check.ts', ...flags),
  'test/support/record-release.ts': (...flags) => started('test/support/record-release.ts', ...flags),
  'examples/consumer/consumer.ts': (...flags) => started('examples/consumer/consumer.ts', ...flags)
}

const DONE = /ECONN|The schema is up|Listens| {4}at /

describe.for(Object.entries(lines))('%s', ([, run]) => {
  test('shows how it is used when asked for help, and does nothing', async () => {
    for (const flag of ['--help', '-h']) {
      const { code, output } = await run(flag)
      expect([code, output]).toEqual([0, expect.stringContaining('usage: ')])
      expect(output).not.toMatch(DONE)
    }
  })

  test('refuses an option that it does not have, with its usage, and does nothing', async () => {
    const { code, output } = await run('--no-such-option')
    expect([code, output]).toEqual([1, expect.stringMatching(/--no-such-option[\s\S]*usage: /)])
    expect(output).not.toMatch(DONE)
  })
})

test('a command that does not exist, and a wrong subcommand, are refused with the usage', async () => {
  for (const name of ['destroy', 'toString']) {
    expect(await started('src/cli.ts', name)).toEqual({ code: 1, output: expect.stringContaining('usage: ') as string })
  }
  for (const [name = '', ...argv] of [
    ['key', 'destroy'],
    ['key', 'create', 'x'],
    ['key', 'limits'],
    ['org', 'limits', '--org', 'x'],
    ['org', 'limits', '--org', '018f2f6e-0000-7000-8000-000000000000', '--items', 'many'],
    ['org', 'limits', '--org', '018f2f6e-0000-7000-8000-000000000000', '--connections', '0'],
    ['org'],
    ['migrate', 'now'],
    ['serve', 'now']
  ]) {
    expect([name, await ran(name, ...argv)]).toEqual([name, { code: 1, output: expect.stringContaining('usage: ') as string }])
  }
})

test('the usage of the whole names every command', async () => {
  const { code, output } = await started('src/cli.ts', '-h')
  expect(code).toBe(0)
  for (const name of Object.keys(commands)) expect(output).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
  // Of one command all the way: it is the one that did not ask.
  expect(await started('src/cli.ts', 'migrate', '--help')).toEqual({
    code: 0,
    output: expect.stringMatching(/^usage: dunwell migrate/) as string
  })
})

test('every npm script that runs a command is among these', async () => {
  const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>
  }
  // The last step; what goes before installs.
  const last = Object.values(scripts).map((script) => script.split(' && ').at(-1) ?? '')
  const own = last.filter((step) => /^(exec )?node .*\.ts/.test(step) && !step.includes('openapi/'))
  expect(own.length).toBeGreaterThan(9)
  const files = own.map((step) => step.replace(/^(exec )?node (--\S+ )*/, ''))
  expect(files.filter((line) => !Object.hasOwn(lines, line))).toEqual([])
})

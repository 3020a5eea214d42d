import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { root } from '../docs/blocks.ts'

export type Running = Readonly<{
  child: ChildProcess
  output: () => string
  waitFor: (pattern: RegExp) => Promise<RegExpExecArray>
  stop: () => Promise<number | null>
}>

/** Starts a shell command of a document in the project's folder. It gets a process group of its own, so that all of it can be stopped. */
export function begin(command: string, environment: Readonly<Record<string, string>>): Running {
  const child = spawn('bash', ['-c', command], { cwd: root, env: { ...process.env, ...environment }, detached: true })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  // Not `exit`: the shell may be gone while what it started still drains and writes.
  const exited = once(child, 'close') as Promise<[number | null]>
  return {
    child,
    output: () => text,
    waitFor: async (pattern) => {
      for (;;) {
        const match = pattern.exec(text)
        if (match !== null) return match
        const chunk = Promise.race([once(child.stdout, 'data'), exited.then(() => 'over' as const)])
        if ((await chunk) === 'over' && pattern.exec(text) === null)
          throw new Error(`It ended without ${String(pattern)}:\n${text}`)
      }
    },
    stop: async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
      return (await exited)[0]
    }
  }
}

/** Runs a shell command of a document to its end. */
export async function complete(
  command: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<{ code: number | null; output: string }> {
  const running = begin(command, environment)
  const [code] = (await once(running.child, 'close')) as [number | null]
  return { code, output: running.output() }
}

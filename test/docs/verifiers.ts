import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { theBlock } from './blocks.ts'

export const guide = 'examples/README.md'

/** A request as a receiver has it, and the secret that it is verified with. */
export type Case = Readonly<{ secret: string; headers: Readonly<Record<string, string>>; body: string }>

export type Language = Readonly<{
  name: string
  /** Says its version, or fails where the language is absent. */
  version: readonly [command: string, ...options: string[]]
  /** The program around the guide's block, by file: for each case on standard input a line, the event's type or `refused: …`. */
  files: (block: string) => Readonly<Record<string, string>>
  command: readonly [command: string, ...options: string[]]
}>

const typescript: Language = {
  name: 'typescript',
  version: [process.execPath, '--version'],
  files: (block) => ({
    'verify.ts': `${block}
import { readFileSync } from 'node:fs'
for (const { secret, headers, body } of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    console.log(verify(secret, headers, Buffer.from(body)).type)
  } catch (error) {
    console.log('refused:', (error as Error).message)
  }
}`
  }),
  command: [process.execPath, 'verify.ts']
}

const python: Language = {
  name: 'python',
  version: ['python3', '--version'],
  files: (block) => ({
    'verify.py': `${block}
import sys
for case in json.load(sys.stdin):
    try:
        print(verify(case["secret"], case["headers"], case["body"].encode())["type"])
    except ValueError as error:
        print("refused:", error)
`
  }),
  command: ['python3', 'verify.py']
}

const php: Language = {
  name: 'php',
  version: ['php', '--version'],
  files: (block) => ({
    'verify.php': `<?php
declare(strict_types=1);
error_reporting(E_ALL);
${block}
foreach (json_decode(file_get_contents('php://stdin'), true) as $case) {
    try {
        echo verify($case['secret'], $case['headers'], $case['body'])['type'], "\\n";
    } catch (UnexpectedValueException $error) {
        echo 'refused: ', $error->getMessage(), "\\n";
    }
}`
  }),
  command: ['php', 'verify.php']
}

const go: Language = {
  name: 'go',
  version: ['go', 'version'],
  files: (block) => ({
    'go.mod': 'module example.com/verify\n\ngo 1.18\n',
    'verify.go': block,
    'main.go': `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	var cases []struct {
		Secret, Body string
		Headers      map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	for _, one := range cases {
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		event, err := Verify(one.Secret, header, []byte(one.Body))
		if err == nil {
			fmt.Println(event.Type)
		} else {
			fmt.Println("refused:", err)
		}
	}
}`
  }),
  command: ['go', 'run', '.']
}

const ruby: Language = {
  name: 'ruby',
  version: ['ruby', '--version'],
  files: (block) => ({
    'verify.rb': `${block}
JSON.parse($stdin.read).each do |one|
  puts verify(one["secret"], one["headers"], one["body"])["type"]
rescue ArgumentError => error
  puts "refused: #{error.message}"
end
`
  }),
  command: ['ruby', '-w', 'verify.rb']
}

export const languages: readonly Language[] = [typescript, python, php, go, ruby]

/** Undefined where the language is absent. */
export function versionOf({ version: [command, ...options] }: Language): string | undefined {
  try {
    return execFileSync(command, options, { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .split('\n')[0]
  } catch {
    return undefined
  }
}

/** What the guide's block of the language says of each case. */
export async function verdictsOf({ name, files, command: [command, ...options] }: Language, cases: readonly Case[]) {
  const folder = await mkdtemp(join(tmpdir(), `dunwell-verify-${name}-`))
  try {
    for (const [file, text] of Object.entries(files(theBlock(guide, name).text))) await writeFile(join(folder, file), text)
    const input = JSON.stringify(cases)
    return execFileSync(command, options, { cwd: folder, input }).toString().trimEnd().split('\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

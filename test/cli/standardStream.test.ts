import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { CommandResult } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

let database: TestDatabase
let fingerprint: string
let place: string

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'standard-stream-'))
  database = await createDatabase({ from: 'casaora' })
  const client = await connect(database.ownerUrl)
  await client.query(`DO $$ BEGIN FOR i IN 1..200 LOOP
    EXECUTE format('CREATE TABLE public.wide_%s (%s)', i, (SELECT string_agg(format('c%s int', c), ', ') FROM generate_series(1, 20) c));
  END LOOP; END $$`)
  fingerprint = (await readFingerprint(client)).text
  await client.end()
  // More than a pipe holds: what is beyond waits for the reader.
  expect(fingerprint.length).toBeGreaterThan(200_000)
})
afterAll(async () => {
  rmSync(place, { recursive: true })
  await database.drop()
})

/** Runs a line of the shell, in which `hundredfold` is the program and `$status` gets its exit code. */
function shell(line: string): Promise<CommandResult> {
  const script = `hundredfold() { "${process.execPath}" "${program}" "$@"; echo $? > "${place}/status"; }\n${line}`
  const child = spawn('sh', ['-c', script], {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', DIRECT_URL: database.ownerUrl },
    cwd: place,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve) =>
    child.on('close', () => {
      resolve({ exitCode: Number(readFileSync(join(place, 'status'), 'utf8')), out, err })
    }),
  )
}

describe('a slow reader', () => {
  test('gets all of the output', async () => {
    const { exitCode, out } = await shell('hundredfold fingerprint | { sleep 3; cat; }')
    expect(out.length).toBe(fingerprint.length)
    expect(out).toBe(fingerprint)
    expect(exitCode).toBe(0)
  })

  test('gets all of a JSON document', async () => {
    const { exitCode, out } = await shell('hundredfold diagnose --json - | { sleep 5; cat; }')
    expect(JSON.parse(out)).toMatchObject({ command: 'diagnose' })
    expect(exitCode).toBe(0)
  })

  test('gets all of what is said on standard error', async () => {
    const { out } = await shell('hundredfold nonsense 2>&1 >&- | { sleep 2; cat; }')
    expect(out).toContain("unknown command 'nonsense'")
  })
})

describe('a reader that goes away', () => {
  test('ends the output quietly, and the exit code is that of the work', async () => {
    const { exitCode, out, err } = await shell('hundredfold fingerprint | head -c 10')
    expect(out).toBe(fingerprint.slice(0, 10))
    expect(err).not.toMatch(/EPIPE|Error|^\s+at /m)
    expect(exitCode).toBe(0)
  })

  test('does not hide a finding that fails the run', async () => {
    const { exitCode, err } = await shell(
      'hundredfold diagnose --json - --fail-on warn 2>/dev/null | head -c 1',
    )
    expect(err).toBe('')
    expect(exitCode).toBe(2)
  })

  test('that reads nothing of the help', async () => {
    expect(await shell('hundredfold --help | true')).toEqual({ exitCode: 0, out: '', err: '' })
  })
})

describe.runIf(process.platform === 'linux')('a full disk', () => {
  test('behind standard output is named, and ends with 1', async () => {
    const { exitCode, err } = await shell('hundredfold fingerprint > /dev/full')
    expect(err).toContain('Error: Cannot write to standard output: the disk is full.')
    expect(err).not.toMatch(/^\s+at /m)
    expect(exitCode).toBe(1)
  })

  test('behind a file is named, and ends with 1', async () => {
    const { exitCode, err } = await shell('hundredfold fingerprint --out /dev/full')
    expect(err).toContain('Error: Cannot write /dev/full: the disk is full.')
    expect(exitCode).toBe(1)
  })
})

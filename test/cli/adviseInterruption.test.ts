import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  // The account of a throw-away server has to get through to its own directory.
  folder = mkdtempSync(join(tmpdir(), 'advise-stopped-'))
  chmodSync(folder, 0o755)
  const columns = ['id', 'customer_id', 'professional_id', 'booking_date', 'status', 'created_at']
  const statements = columns.flatMap((one) =>
    columns.map((other) => `SELECT * FROM bookings WHERE ${one} IS NOT NULL ORDER BY ${other} LIMIT 3;`),
  )
  writeFileSync(join(folder, 'workload.sql'), statements.join('\n'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

test.each([
  ['SIGINT', 'copying the schema'],
  ['SIGINT', 'planning'],
  ['SIGTERM', 'comparing'],
] as const)('%s while it is %s: no server, no directory and no session is left', async (signal, step) => {
  const temporary = mkdtempSync(join(folder, 'tmp-'))
  chmodSync(temporary, 0o755)
  // A terminal shows every step; `script` gives one to a process.
  const command = `${process.execPath} ${program} advise --workload ${join(folder, 'workload.sql')}`
  const child = spawn('script', ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], TMPDIR: temporary, DIRECT_URL: database.ownerUrl },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      if (printed.includes(step)) resolve()
    })
    child.on('exit', () => reject(new Error(`ended early: ${printed}`)))
  })
  const pid = Number(
    spawnSync('pgrep', ['--parent', `${child.pid}`])
      .stdout.toString()
      .trim(),
  )
  process.kill(pid, signal)
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  expect(printed).toContain('Stopped. Nothing half-done is left')
  expect(printed).not.toContain('Cost of the workload')
  expect(exitCode).toBe(1)
  await expect
    .poll(() => readdirSync(temporary).filter((name) => name.startsWith('hundredfold-')), { timeout: 20_000 })
    .toEqual([])
  expect(spawnSync('pgrep', ['--full', temporary]).stdout.toString()).toBe('')
  const session = await database.connect()
  await expect
    .poll(async () => {
      const { rows } = await session.query(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hundredfold'`,
      )
      return rows
    })
    .toEqual([])
})

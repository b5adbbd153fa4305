import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

interface Result {
  written: { file: string; rule: string; key: string }[]
  skipped: { key: string; rule: string; reason: string }[]
}

let database: TestDatabase
let directory: string

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  directory = await mkdtemp(join(tmpdir(), 'optimize-'))
})
afterAll(async () => {
  await database.drop()
  await rm(directory, { recursive: true, force: true })
})

async function optimize(...args: string[]) {
  const { exitCode, out, err } = await runCommand(['optimize', '--out', directory, '--json', '-', ...args], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  return { exitCode, err, result: (exitCode === 0 ? JSON.parse(out) : undefined) as Result }
}

describe('optimize', () => {
  test('refuses a rule that does not exist, and names those that do', async () => {
    const { exitCode, err } = await optimize('--rules', 'auth_rls_initplan,no_such_rule')
    expect(exitCode).toBe(5)
    expect(err).toContain('There is no rule no_such_rule')
    expect(err).toContain('policy_function_initplan')
  })

  test('writes one migration per table, with numbers that ascend and predicates as PostgreSQL prints them', async () => {
    const { exitCode, result, err } = await optimize('--rules', 'auth_rls_initplan,policy_function_initplan')
    expect(err).not.toContain('Error')
    expect(exitCode).toBe(0)
    const files = (await readdir(directory)).sort()
    expect(new Set(files.map((name) => name.slice(0, 17))).size).toBe(files.length)
    expect(files).toHaveLength(13)
    expect(new Set(result.written.map(({ file }) => file)).size).toBe(13)
    expect(result.written.map(({ key }) => key)).toContain(
      'auth_rls_initplan public.bookings."Users can view their bookings"',
    )
    const bookings = files.find((name) => name.endsWith('rewrite-bookings-policies.ts')) ?? ''
    const text = await readFile(join(directory, bookings), 'utf8')
    expect(text).toContain(
      '((customer_id = ( SELECT auth.uid() AS uid)) OR (professional_id = ( SELECT auth.uid() AS uid)))',
    )
    expect(text).toContain('( SELECT public.is_admin() AS is_admin)')
    expect(text).toContain('rewriteIsEquivalent(')
  })

  test('does not write again what a pending migration does', async () => {
    const { result } = await optimize('--rules', 'auth_rls_initplan,policy_function_initplan')
    expect(result.written).toEqual([])
    expect(result.skipped.every(({ reason }) => reason.startsWith('the pending migration '))).toBe(true)
    expect(await readdir(directory)).toHaveLength(13)
  })
})

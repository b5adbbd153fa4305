import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from 'pg'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

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

describe('what optimize writes', () => {
  const rules = 'auth_rls_initplan,policy_function_initplan,policy_membership_function'

  test('goes up with its proof, comes out as it was read back, and goes down to the letter', async () => {
    await using migrations = await migrationDirectory()
    const owner = await database.connect(database.ownerUrl)
    const before = await policiesOf(owner)
    const written = await runCommand(['optimize', '--out', migrations.path, '--rules', rules], {
      environment: { DIRECT_URL: database.ownerUrl },
    })
    expect(written.exitCode).toBe(0)
    for (const name of await readdir(migrations.path)) {
      await migrations.write(name, await readFile(join(migrations.path, name), 'utf8'))
    }
    const migrate = (...args: string[]) =>
      runCommand(['migrate', ...args, '--dir', migrations.path], {
        environment: { DIRECT_URL: database.ownerUrl },
      })
    const up = await migrate('up')
    expect(up.err).toBe('')
    expect(up.exitCode).toBe(0)
    const after = await policiesOf(owner)
    expect(after).not.toEqual(before)
    expect(after.map(({ using, check, ...rest }) => rest)).toEqual(
      before.map(({ using, check, ...rest }) => rest),
    )
    expect(after.find(({ name }) => name === 'Members can view messages')?.using).toBe(
      '(conversation_id IN ( SELECT private.is_conversation_member_conversation_ids() AS is_conversation_member_conversation_ids))',
    )
    // Nothing is left to do, and nothing that was refused is written.
    const again = await runCommand(['optimize', '--out', migrations.path, '--rules', rules, '--json', '-'], {
      environment: { DIRECT_URL: database.ownerUrl },
    })
    expect((JSON.parse(again.out) as Result).written).toEqual([])

    const down = await migrate('down', '99')
    expect(down.exitCode).toBe(0)
    expect(await policiesOf(owner)).toEqual(before)
  })
})

/** Every policy of the database as PostgreSQL prints it. */
async function policiesOf(client: Client) {
  const { rows } = await client.query<{
    table: string
    name: string
    using: string | null
    check: string | null
  }>(
    `SELECT set_config('search_path', '', false), polrelid::regclass::text AS table, polname AS name, polcmd,
       polpermissive, polroles, pg_get_expr(polqual, polrelid) AS using, pg_get_expr(polwithcheck, polrelid) AS check
     FROM pg_policy ORDER BY 2, 3`,
  )
  return rows
}

import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsEnabledNoPolicy } from '../../../src/rules/policies/rlsEnabledNoPolicy.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_enabled_no_policy', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.bad (id int); ALTER TABLE public.bad ENABLE ROW LEVEL SECURITY;
      CREATE TABLE public.good (id int, d int) PARTITION BY LIST (d); CREATE TABLE public.part PARTITION OF public.good DEFAULT;
      ALTER TABLE public.good ENABLE ROW LEVEL SECURITY; ALTER TABLE public.part ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON public.good USING (true); CREATE TABLE public.also_good (id int)`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, rlsEnabledNoPolicy, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds a table without a policy, but no partition that is read through its parent', async () => {
    expect(await subjects()).toEqual(['bad'])
  })
  it('separates tables that no role subject to row-level security may reach', async () => {
    const suffix = Math.random().toString(36).slice(2)
    const [reader, member, past] = [`reader ${suffix}`, `member_${suffix}`, `past_${suffix}`]
    const superuser = await database.connect()
    await superuser.query(`
      CREATE ROLE "${reader}"; CREATE ROLE ${past} BYPASSRLS; CREATE ROLE ${member} IN ROLE casaora_owner;
      CREATE SCHEMA hidden AUTHORIZATION casaora_owner;`)
    try {
      await owner.query(
        [
          ['closed', `GRANT ALL ON t.closed TO ${past}, ${member}`],
          ['open', `GRANT SELECT ON t.open TO "${reader}", ${past}`],
          ['by_column', `GRANT SELECT (id) ON t.by_column TO "${reader}"`],
          ['for_all', `GRANT INSERT ON t.for_all TO PUBLIC`],
          ['referenced', `GRANT REFERENCES ON t.referenced TO "${reader}"`],
          ['forced', `ALTER TABLE t.forced FORCE ROW LEVEL SECURITY`],
        ]
          .map(
            ([name, grant]) =>
              `CREATE TABLE t.${name} (id int); ALTER TABLE t.${name} ENABLE ROW LEVEL SECURITY; ${grant}`,
          )
          .join(';')
          .replace(/^/, `CREATE SCHEMA t; GRANT USAGE ON SCHEMA t TO "${reader}";`),
      )
      await owner.query(`CREATE TABLE hidden.granted (id int); ALTER TABLE hidden.granted ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON hidden.granted TO "${reader}"`)
      await superuser.query(`CREATE TABLE t.owned (id int); ALTER TABLE t.owned ENABLE ROW LEVEL SECURITY;
        ALTER TABLE t.owned OWNER TO "${reader}"; ALTER TABLE t.forced OWNER TO "${reader}"`)
      const findings = await findWith(owner, rlsEnabledNoPolicy, ['t', 'hidden'])
      const onlyOwner = 'on tables that only their owner and roles with BYPASSRLS may reach'
      const seen = Object.fromEntries(
        findings.map(({ subject, evidence, infoBecause, remedy }) => [
          subject[1],
          [evidence[0]?.value, infoBecause, remedy.kind],
        ]),
      )
      expect(seen).toEqual({
        closed: ['no role that it applies to', onlyOwner, 'none'],
        open: [`"${reader}"`, undefined, 'runbook'],
        by_column: [`"${reader}"`, undefined, 'runbook'],
        for_all: ['public', undefined, 'runbook'],
        referenced: ['no role that it applies to', onlyOwner, 'none'],
        owned: ['no role that it applies to', onlyOwner, 'none'],
        forced: [`"${reader}"`, undefined, 'runbook'],
        granted: ['no role that it applies to', onlyOwner, 'none'],
      })
      expect(findings.every(({ level }) => level === 'info')).toBe(true)
    } finally {
      await superuser.query(`DROP SCHEMA IF EXISTS t CASCADE; DROP SCHEMA hidden CASCADE;
        DROP ROLE "${reader}"; DROP ROLE ${past}; DROP ROLE ${member}`)
    }
  })
})

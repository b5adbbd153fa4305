import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { errorCode } from '../../../src/postgres/sqlState.ts'
import { quote } from '../../../src/postgres/identifiers.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect()
  await owner.query(`
    CREATE FUNCTION public.uid() RETURNS uuid LANGUAGE sql STABLE AS
      $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub')::uuid $$;
    CREATE FUNCTION public.caller() RETURNS text LANGUAGE sql STABLE AS
      $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::json ->> 'role' $$;
    CREATE TABLE public.agents (id uuid PRIMARY KEY);
    INSERT INTO public.agents SELECT gen_random_uuid() FROM generate_series(1, 3);
    CREATE FUNCTION public.is_agent() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT EXISTS (SELECT 1 FROM public.agents WHERE id = public.uid()) $$;
    CREATE ROLE ${quote(database.name)};
  `)
})
afterAll(async () => {
  await owner.query(`DROP OWNED BY ${quote(database.name)}; DROP ROLE ${quote(database.name)}`)
  await database.drop()
})

interface Case {
  table: string
  using: string
  after: string
  others: string[]
}

/** A table with two rows, a policy for SELECT and others. */
async function create({ table, using, others }: Case): Promise<void> {
  await owner.query(`
    CREATE TABLE public.${table} (id int PRIMARY KEY, status text, owner_id uuid);
    INSERT INTO public.${table} SELECT n, 'closed', gen_random_uuid() FROM generate_series(1, 2) AS n;
    GRANT ALL ON public.${table} TO ${quote(database.name)};
    ALTER TABLE public.${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY look ON public.${table} FOR SELECT USING (${using});
    ${others.map((other, index) => `CREATE POLICY other_${index} ON public.${table} ${other};`).join('\n')}
  `)
}

/** How an UPDATE of all rows ends, with a token whose `sub` is no uuid. */
async function update({ table }: Case): Promise<string> {
  await owner.query('BEGIN')
  try {
    await owner.query(`SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
      database.name,
      '{"role":"authenticated","sub":"no uuid"}',
    ])
    const { rowCount } = await owner.query(`UPDATE public.${table} SET status = status WHERE id > 0`)
    return `${rowCount} rows`
  } catch (error) {
    return errorCode(error) ?? String(error)
  } finally {
    await owner.query('ROLLBACK')
  }
}

async function newErrors({ table, after }: Case): Promise<unknown[]> {
  const report = await readOnly(owner, () =>
    proveEquivalence(borrow(owner), { schema: 'public', name: table }, [
      { policy: 'look', using: after, check: null },
    ]),
  )
  return report.differences.filter(({ effect }) => effect === 'fails now').map(({ after: code }) => code)
}

const wrapped = '(SELECT public.is_agent() AS is_agent)'
const everyRow = 'FOR UPDATE USING (true)'

const shielded: [string, Case][] = [
  [
    'another policy that an UPDATE has to pass',
    {
      table: 'timers',
      using: 'public.is_agent()',
      after: wrapped,
      others: [`FOR UPDATE USING (public.caller() = 'service_role')`],
    },
  ],
  [
    'a restrictive policy',
    {
      table: 'tickets',
      using: 'public.is_agent()',
      after: wrapped,
      others: [everyRow, `AS RESTRICTIVE FOR ALL USING (status = 'open')`],
    },
  ],
  [
    'a part of the same predicate',
    {
      table: 'notes',
      using: `status = 'open' AND public.is_agent()`,
      after: `status = 'open' AND ${wrapped}`,
      others: [everyRow],
    },
  ],
]

describe.each(shielded)('a token that cannot be read, shielded by %s', (_, given) => {
  it('is refused, since a statement that works today would end with an error', async () => {
    await create(given)
    expect(await newErrors(given)).toContain('22P02')
    expect(await update(given)).toBe('0 rows')
    await owner.query(`ALTER POLICY look ON public.${given.table} USING (${given.after})`)
    expect(await update(given)).toBe('22P02')
  })
})

const unshielded: [string, Case][] = [
  ['no other condition', { table: 'posts', using: 'public.is_agent()', after: wrapped, others: [everyRow] }],
  [
    'an alternative in the same policy',
    {
      table: 'drafts',
      using: `status = 'open' OR public.is_agent()`,
      after: `status = 'open' OR ${wrapped}`,
      others: [everyRow],
    },
  ],
  [
    'a condition that asks for the same claims',
    {
      table: 'files',
      using: 'public.is_agent()',
      after: wrapped,
      others: [`FOR UPDATE USING (status = 'open' AND owner_id = public.uid())`],
    },
  ],
]

describe.each(unshielded)('a token that cannot be read, beside %s', (_, given) => {
  it('fails today, so that the rewrite changes nothing', async () => {
    await create(given)
    expect(await newErrors(given)).toEqual([])
    expect(await update(given)).toBe('22P02')
    await owner.query(`ALTER POLICY look ON public.${given.table} USING (${given.after})`)
    expect(await update(given)).toBe('22P02')
  })
})

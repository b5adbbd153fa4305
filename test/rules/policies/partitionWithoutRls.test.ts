import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionWithoutRls } from '../../../src/rules/policies/partitionWithoutRls.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('partition_without_rls', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.events (id int, day int) PARTITION BY LIST (day); CREATE TABLE public.bad PARTITION OF public.events FOR VALUES IN (1) PARTITION BY LIST (id);
      CREATE TABLE public.bad_leaf PARTITION OF public.bad DEFAULT; CREATE TABLE public.good PARTITION OF public.events FOR VALUES IN (2);
      CREATE TABLE public.unreachable PARTITION OF public.events FOR VALUES IN (3);
      INSERT INTO public.events SELECT n, n % 3 + 1 FROM generate_series(1, 30) n;
      ALTER TABLE public.events ENABLE ROW LEVEL SECURITY; ALTER TABLE public.good ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON public.events FOR SELECT USING (id > 20); GRANT SELECT ON public.events, public.bad, public.bad_leaf, public.good TO authenticated`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, partitionWithoutRls, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  const count = async (table: string): Promise<string> => {
    await owner.query('BEGIN; SET LOCAL ROLE authenticated')
    const { rows } = await owner.query<{ count: string }>(`SELECT count(*) FROM public.${table}`)
    await owner.query('ROLLBACK')
    return rows[0]?.count ?? ''
  }

  it('finds partitions at every level, and its migration leaves reads through the parent as they are', async () => {
    expect(await subjects()).toEqual(['bad', 'bad_leaf'])
    expect([await count('events'), await count('bad_leaf')]).toEqual(['10', '10'])
    const findings = await findWith(owner, partitionWithoutRls)
    for (const { remedy } of findings) {
      if (remedy.kind !== 'migration') throw new Error(remedy.title)
      for (const statement of remedy.operation.up) await owner.query(statement)
    }
    expect([await count('events'), await count('bad_leaf')]).toEqual(['10', '0'])
    expect(await subjects()).toEqual([])
    for (const { remedy } of findings) {
      for (const statement of remedy.kind === 'migration' ? remedy.operation.down : [])
        await owner.query(statement)
    }
    expect(await subjects()).toEqual(['bad', 'bad_leaf'])
  })
})

import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { borrow } from '../../src/postgres/database.ts'
import { planCanUseIndex, planUsesIndex } from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const query = { sql: 'SELECT * FROM public.notes WHERE author = 7' }

describe('the plan can use an index', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await client.query(`
      CREATE TABLE public.notes (author int, body text);
      INSERT INTO public.notes VALUES (7, 'one row, which is cheaper to scan');
      CREATE INDEX notes_author_idx ON public.notes (author);
      CREATE INDEX notes_body_idx ON public.notes (body);
      ANALYZE public.notes;
      BEGIN`)
  })
  afterAll(() => database.drop())

  it('although today the planner scans the table', async () => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${query.sql}`)
    expect(rows[0]?.['QUERY PLAN']).toContain('Seq Scan')
    const condition = planCanUseIndex(query, { schema: 'public', name: 'notes_author_idx' })
    expect(condition.description).toBe('the plan can use index public.notes_author_idx')
    expect(await condition.check(borrow(client))).toEqual({ holds: true })
  })

  it('but not one that does not fit the query', async () => {
    const condition = planCanUseIndex(query, { schema: 'public', name: 'notes_body_idx' })
    expect(await condition.check(borrow(client))).toMatchObject({ holds: false })
  })

  it('under its old name too, which files written before have', () => {
    expect(planUsesIndex).toBe(planCanUseIndex)
  })
})

import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shapeOf } from '../../../src/advisor/agreement.ts'
import type { Library } from '../../../src/bench/advise/library.ts'
import { openLibrary } from '../../../src/bench/advise/library.ts'
import type { PlanNode } from '../../../src/postgres/explain.ts'
import { readIndexShapes } from '../../../src/shadow/planner/indexShapes.ts'
import { estimateBlocks } from '../../../src/shadow/planner/indexSize.ts'
import { openPlanner } from '../../../src/shadow/planner/openPlanner.ts'
import type { Planner } from '../../../src/shadow/planner/openPlanner.ts'
import { engineIsMissing } from '../../support/engines.ts'

const statements = [
  'SELECT * FROM items WHERE id = 77',
  'SELECT * FROM items WHERE org = 7 ORDER BY made DESC LIMIT 10',
  'SELECT count(*) FROM items WHERE org = 7',
  `SELECT * FROM items WHERE lower(mail) = 'u7@x.org'`,
  `SELECT * FROM items WHERE status = 'open' ORDER BY made LIMIT 5`,
  `SELECT * FROM items WHERE tags @> ARRAY['t5']`,
  `SELECT * FROM items WHERE doc @> '{"k": 3}'`,
  `SELECT * FROM items WHERE doc ->> 'name' = 'n77'`,
  `SELECT * FROM items WHERE words @@ to_tsquery('english', 'word7')`,
  `SELECT * FROM items WHERE to_tsvector('simple', code) @@ to_tsquery('simple', 'c7')`,
  `SELECT * FROM items WHERE during && tstzrange('2026-01-05', '2026-01-06')`,
  `SELECT * FROM items WHERE made > '2026-01-05' AND made < '2026-01-06'`,
  `SELECT * FROM items WHERE code = 'c7'`,
  `SELECT * FROM items WHERE place <@ box '((1,1),(3,3))'`,
  `SELECT * FROM items WHERE status = 'open' AND mood = 'ok' AND flag`,
  'SELECT code, lower(mail), count(*) FROM items GROUP BY 1, 2',
  `SELECT * FROM items WHERE code = 'c7' AND lower(mail) = 'u7@x.org'`,
  `SELECT member, code FROM items WHERE member = '00000000-0000-0000-0000-000000000007'`,
  `SELECT o.name, count(*) FROM items i JOIN orgs o ON o.id = i.org WHERE i.mood = 'happy' GROUP BY 1`,
  'SELECT status, count(*) FROM items GROUP BY status',
  `SELECT * FROM visits WHERE at = '2026-03-03'`,
  `SELECT * FROM visits WHERE page = 'v7'`,
]

async function planOf(client: Client, statement: string): Promise<{ shape: string; cost: number }> {
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON) ${statement}`,
  )
  const plan = rows[0]?.['QUERY PLAN'][0].Plan
  if (!plan) throw new Error('no plan')
  return { shape: shapeOf(plan), cost: plan['Total Cost'] }
}

// 14 is the oldest: no statistics of ranges in its view, extended statistics without `inherited`.
describe.each([14, 18])('a planner without rows, of PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing('postgres14')
  let library: Library
  let source: Client
  let planner: Planner

  beforeAll(async () => {
    if (missing) return
    library = await openLibrary(version, { random_page_cost: '1.7' }, { withIndexes: true })
    source = library.client
    planner = await openPlanner(source)
  })

  afterAll(async () => {
    if (missing) return
    await planner.close()
    await library.close()
  })

  test.skipIf(missing)('has every statistic of the source', () => {
    expect(planner.notCopied).toEqual([])
    expect(planner.notRestored).toEqual([])
    expect(planner.withoutStatistics).toEqual([])
  })

  describe.each(['postgres', 'anon'])('as %s', (role) => {
    test.skipIf(missing)('plans every statement as the source does, at the same cost', async () => {
      const shadow = await planner.connect(role === 'anon' ? role : undefined)
      if (role === 'anon') await source.query('SET ROLE anon')
      for (const client of [shadow, source]) {
        await client.query(
          `SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000007", "org": "77"}'`,
        )
      }
      for (const statement of statements) {
        const [planned, expected] = [await planOf(shadow, statement), await planOf(source, statement)]
        expect(planned.shape, statement).toBe(expected.shape)
        expect(Math.abs(planned.cost / expected.cost - 1), statement).toBeLessThan(0.05)
      }
      await source.query('RESET ROLE')
      await shadow.end()
    })
  })

  test.skipIf(missing)('finds the size of every index from statistics', async () => {
    const { rows } = await source.query<{ schema: string; name: string; method: string; blocks: number }>(
      `SELECT 'public' AS schema, c.relname AS name, a.amname AS method, (pg_relation_size(c.oid) / 8192)::int AS blocks
       FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace`,
    )
    const shadow = await planner.connect()
    const shapes = await readIndexShapes(shadow, rows)
    expect(shapes).toHaveLength(rows.length)
    for (const shape of shapes) {
      const { method, blocks = 0 } = rows.find(({ name }) => name === shape.name) ?? {}
      // Nobody knows how well a GIN or GiST index packs what it holds.
      const factor = method === 'btree' ? 1.25 : 2.5
      expect(estimateBlocks(shape), `${shape.name}, of ${blocks} blocks`).toBeLessThanOrEqual(
        blocks * factor + 2,
      )
      expect(estimateBlocks(shape), `${shape.name}, of ${blocks} blocks`).toBeGreaterThanOrEqual(
        blocks / factor - 2,
      )
    }
    await shadow.end()
  })

  test.skipIf(missing)('has no rows, and can search an index that looks full', async () => {
    const shadow = await planner.connect()
    await shadow.query('SET enable_seqscan = off')
    expect((await planOf(shadow, 'SELECT * FROM items WHERE id < 100')).shape).toContain('items_pkey')
    expect((await shadow.query('SELECT * FROM items WHERE id < 100')).rowCount).toBe(0)
    expect((await shadow.query('SELECT count(*) FROM visits')).rows).toEqual([{ count: '0' }])
    await shadow.end()
  })
})

import { describe, expect, test } from 'vitest'
import { callsWithKey } from '../../src/partition/callsWithKey.ts'
import type { KnownNames } from '../../src/partition/keyUses.ts'
import { keyUsesIn } from '../../src/partition/keyUses.ts'
import { splitStatements } from '../../src/syntax/statements.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import { seededRandom } from '../support/seededRandom.ts'

const keyed = { table: { schema: 'public', name: 'bookings' }, key: 'day' }

async function usesIn(sql: string, known: KnownNames = {}): Promise<boolean[]> {
  const [statement] = await splitStatements(sql)
  if (!statement) throw new Error('no statement')
  return keyUsesIn(statement.node, keyed, known).map(({ isBounded }) => isBounded)
}

describe('the key is bounded', () => {
  test.each([
    ['by an equality', `SELECT * FROM bookings WHERE day = $1`],
    ['the other way round', `SELECT * FROM bookings WHERE $1 = day`],
    ['by a range', `SELECT * FROM bookings WHERE day >= $1 AND day < $2`],
    ['by one bound', `SELECT * FROM bookings WHERE day > '2026-01-01'`],
    ['by BETWEEN', `SELECT * FROM bookings WHERE day BETWEEN $1 AND $2`],
    ['by IN', `SELECT * FROM bookings WHERE day IN ($1, $2)`],
    ['by = ANY', `SELECT * FROM bookings WHERE day = ANY ($1)`],
    ['by a range type', `SELECT * FROM bookings WHERE day <@ daterange($1, $2)`],
    ['by a range type, the other way round', `SELECT * FROM bookings WHERE daterange($1, $2) @> day`],
    ['by a stable expression', `SELECT * FROM bookings WHERE day >= current_date - 30`],
    ['by what a call gives', `SELECT * FROM bookings WHERE day >= now() - interval '1 day'`],
    ['by a sub-select of its own', `SELECT * FROM bookings WHERE day = (SELECT max(d) FROM days)`],
    ['in a conjunct among others', `SELECT * FROM bookings WHERE id = $1 AND (status = 'x' AND day = $2)`],
    ['in every arm of an OR', `SELECT * FROM bookings WHERE day = $1 OR (day = $2 AND id = 3)`],
    ['with an alias', `SELECT * FROM public.bookings b WHERE b.day = $1`],
    ['with ONLY and a quoted name', `SELECT * FROM ONLY "public"."bookings" AS "B" WHERE "B"."day" = $1`],
    ['of a sample', `SELECT * FROM bookings TABLESAMPLE system (1) WHERE day = $1`],
    [
      'in the condition of a join',
      `SELECT * FROM users u JOIN bookings b ON b.user_id = u.id AND b.day = $1`,
    ],
    ['of the optional side', `SELECT * FROM users u LEFT JOIN bookings b ON b.user_id = u.id AND b.day = $1`],
    ['of the optional side, above', `SELECT * FROM users u LEFT JOIN bookings b ON true WHERE b.day = $1`],
    ['by a joined column', `SELECT * FROM days d JOIN bookings b ON b.day = d.day WHERE d.day = $1`],
    [
      'through two joined columns',
      `SELECT * FROM bookings b, days d, weeks w WHERE b.day = d.d AND d.d = w.d AND w.d = $1`,
    ],
    ['in a sub-select', `SELECT * FROM users WHERE id IN (SELECT user_id FROM bookings WHERE day = $1)`],
    [
      'by a fixed column of the outer query',
      `SELECT * FROM days d WHERE d.d = $1 AND EXISTS (SELECT FROM bookings b WHERE b.day = d.d)`,
    ],
    ['outside of a sub-select', `SELECT * FROM (SELECT * FROM bookings) b WHERE b.day = $1`],
    ['outside, under another name', `SELECT * FROM (SELECT id, day AS at FROM bookings) b WHERE at = $1`],
    [
      'outside of a grouping by the key',
      `SELECT * FROM (SELECT day, count(*) FROM bookings GROUP BY day) b WHERE day = $1`,
    ],
    ['outside of a WITH query', `WITH b AS (SELECT * FROM bookings) SELECT * FROM b WHERE day = $1`],
    ['in a WITH query', `WITH b AS MATERIALIZED (SELECT * FROM bookings WHERE day = $1) SELECT * FROM b`],
    ['by UPDATE', `UPDATE bookings SET status = 'x' WHERE id = $1 AND day = $2`],
    ['by UPDATE with FROM', `UPDATE bookings b SET status = 'x' FROM days d WHERE b.day = d.d AND d.d = $1`],
    ['by DELETE', `DELETE FROM bookings WHERE day < $1`],
    ['by DELETE with USING', `DELETE FROM bookings USING days d WHERE bookings.day = d.d AND d.d = $1`],
    ['by INSERT, whose rows have a key', `INSERT INTO bookings (id, day) VALUES ($1, $2)`],
    [
      'by INSERT with ON CONFLICT',
      `INSERT INTO bookings (id, day) VALUES ($1, $2) ON CONFLICT (id, day) DO UPDATE SET status = 'x'`,
    ],
  ])('%s', async (_, sql) => {
    expect(await usesIn(sql)).toEqual([true])
  })

  test('in both arms of a UNION, also from outside', async () => {
    const arms = 'SELECT id, day FROM bookings UNION ALL SELECT id, day FROM public.bookings'
    expect(await usesIn(`SELECT * FROM (${arms}) b WHERE day = $1`)).toEqual([true, true])
  })

  test('by MERGE with the key in its condition', async () => {
    const merge = (on: string): string =>
      `MERGE INTO bookings b USING (SELECT 1) s ON ${on} WHEN MATCHED THEN UPDATE SET status = 'x'`
    expect(await usesIn(merge('b.id = $1 AND b.day = $2'))).toEqual([true])
    expect(await usesIn(merge('b.id = $1'))).toEqual([false])
  })

  test('through a view', async () => {
    const [view] = await splitStatements('SELECT bookings.id, bookings.day FROM public.bookings')
    const views = [{ schema: 'public', name: 'open_bookings', query: view?.node ?? {} }]
    expect(await usesIn('SELECT * FROM open_bookings WHERE day = $1', { views })).toEqual([true])
    expect(await usesIn('SELECT * FROM open_bookings WHERE id = $1', { views })).toEqual([false])
  })
})

describe('the key is not bounded', () => {
  test.each([
    ['without a condition', `SELECT count(*) FROM bookings`],
    ['by another column', `SELECT * FROM bookings WHERE id = $1`],
    ['by inequality', `SELECT * FROM bookings WHERE day <> $1`],
    ['by IS NOT NULL', `SELECT * FROM bookings WHERE day IS NOT NULL`],
    ['within a function', `SELECT * FROM bookings WHERE date_trunc('month', day) = $1`],
    ['under a cast', `SELECT * FROM bookings WHERE day::text = $1`],
    ['by a negation', `SELECT * FROM bookings WHERE NOT (day = $1)`],
    ['by NOT IN', `SELECT * FROM bookings WHERE day NOT IN ($1)`],
    ['in one arm of an OR', `SELECT * FROM bookings WHERE day = $1 OR id = $2`],
    ['by a comparison of rows', `SELECT * FROM bookings WHERE (day, id) > ($1, $2)`],
    ['by a column of its own row', `SELECT * FROM bookings WHERE day = made`],
    ['by a volatile call', `SELECT * FROM bookings WHERE day > clock_timestamp()`],
    [
      'by a joined column that is not fixed',
      `SELECT * FROM bookings b JOIN days d ON d.d = b.day WHERE d.id = $1`,
    ],
    ['by a joined column in a range', `SELECT * FROM bookings b JOIN days d ON d.d = b.day WHERE d.d > $1`],
    ['of the side that is kept', `SELECT * FROM bookings b LEFT JOIN users u ON b.day = $1`],
    ['of a full join', `SELECT * FROM bookings b FULL JOIN users u ON b.id = u.id AND b.day = $1`],
    ['by the outer row', `SELECT * FROM days d WHERE EXISTS (SELECT FROM bookings b WHERE b.day = d.d)`],
    ['only outside of a LIMIT', `SELECT * FROM (SELECT * FROM bookings LIMIT 10) b WHERE day = $1`],
    [
      'only outside of a window',
      `SELECT * FROM (SELECT day, row_number() OVER (ORDER BY id) FROM bookings) b WHERE day = $1`,
    ],
    [
      'only outside of another grouping',
      `SELECT * FROM (SELECT max(day) AS day FROM bookings GROUP BY id) b WHERE day = $1`,
    ],
    [
      'only outside of a materialized WITH',
      `WITH b AS MATERIALIZED (SELECT * FROM bookings) SELECT * FROM b WHERE day = $1`,
    ],
    ['only in HAVING', `SELECT day, count(*) FROM bookings GROUP BY day HAVING max(day) = $1`],
    ['by UPDATE of the key', `UPDATE bookings SET day = $1 WHERE id = $2`],
  ])('%s', async (_, sql) => {
    expect(await usesIn(sql)).toEqual([false])
  })

  test('in each of two uses', async () => {
    const sql = 'SELECT * FROM bookings a JOIN bookings b ON b.id = a.parent WHERE a.day = $1'
    expect(await usesIn(sql)).toEqual([true, false])
  })

  test('by a function that the database has as volatile', async () => {
    const sql = 'SELECT * FROM bookings WHERE day = last_day()'
    expect(await usesIn(sql, { volatileFunctions: new Set(['last_day']) })).toEqual([false])
    expect(await usesIn(sql)).toEqual([true])
  })

  test('by a range type before PostgreSQL 17', async () => {
    const sql = 'SELECT * FROM bookings WHERE day <@ daterange($1, $2)'
    expect(await usesIn(sql, { rangesPrune: false })).toEqual([false])
  })
})

describe('another relation', () => {
  test.each([
    ['in another schema', 'SELECT * FROM archive.bookings'],
    ['that is a WITH query of the name', 'WITH bookings AS (SELECT 1) SELECT * FROM bookings'],
    ['of another name', 'SELECT * FROM bookings_of_today'],
  ])('%s is no use', async (_, sql) => {
    expect(await usesIn(sql)).toEqual([])
  })
})

describe('the share of the calls', () => {
  test('is weighted, and leaves out what does not use the table', async () => {
    const workload = parseWorkload(`
      -- name: day
      -- calls: 90
      SELECT * FROM bookings WHERE day = $1;
      -- name: id
      -- calls: 10
      SELECT * FROM bookings WHERE id = $1;
      -- name: users
      -- calls: 1000
      SELECT * FROM users;
      -- name: broken
      -- calls: 1000
      SELEC * FROM bookings;`)
    const found = await callsWithKey(workload, keyed)
    expect(found.share).toBe(0.9)
    expect(found.calls).toBe(100)
    expect(found.statements.map(({ statement, hasKey }) => [statement.name, hasKey])).toEqual([
      ['day', true],
      ['id', false],
    ])
  })

  test('is whole where no statement uses the table', async () => {
    expect(await callsWithKey(parseWorkload('SELECT 1;'), keyed)).toEqual({
      share: 1,
      calls: 0,
      statements: [],
    })
  })
})

describe('for any conditions', () => {
  const random = seededRandom(13)
  const binding = ['day = $1', 'day < $1', 'day IN ($1)', 'b.day BETWEEN $1 AND $2']
  const loose = ['id = $1', 'day <> $1', 'made = day', 'true']
  const all: readonly string[] = [...binding, ...loose]
  const cases = Array.from({ length: 50 }, () => {
    const parts = Array.from({ length: 3 }, () => random.pick(all) ?? 'true')
    return { parts, bound: parts.map((part) => binding.includes(part)) }
  })

  test('a conjunction is bounded where one part is', async () => {
    for (const { parts, bound } of cases) {
      const sql = `SELECT * FROM bookings b WHERE ${parts.join(' AND ')}`
      expect(await usesIn(sql), sql).toEqual([bound.includes(true)])
    }
  })

  test('a disjunction is bounded where all parts are', async () => {
    for (const { parts, bound } of cases) {
      const sql = `SELECT * FROM bookings b WHERE ${parts.join(' OR ')}`
      expect(await usesIn(sql), sql).toEqual([!bound.includes(false)])
    }
  })

  test('a sub-select around it changes nothing', async () => {
    for (const { parts, bound } of cases) {
      const sql = `SELECT * FROM (SELECT * FROM bookings b) b WHERE ${parts.join(' AND ')}`
      expect(await usesIn(sql), sql).toEqual([bound.includes(true)])
    }
  })
})

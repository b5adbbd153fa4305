import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Library } from '../../../src/bench/advise/library.ts'
import { openLibrary } from '../../../src/bench/advise/library.ts'
import { openPlanner } from '../../../src/shadow/planner/openPlanner.ts'
import type { Planner } from '../../../src/shadow/planner/openPlanner.ts'
import { engineIsMissing } from '../../support/engines.ts'

interface Line {
  distinct: number
  width: number
  nullFraction: number
  correlation: number
  common: string[] | null
  frequencies: number[] | null
}

/** Each with how many rows PostgreSQL may be wrong about its different values. */
const expressions = {
  same: { on: 'people (lower(email))', offBy: 0 },
  fewer: { on: 'people (upper(city))', offBy: 0 },
  month: { on: `people (date_trunc('month', born::timestamp))`, offBy: 0.1 },
  year: { on: `people (date_part('year', born))`, offBy: 0.05 },
  null: { on: `people (coalesce(note, 'none'))`, offBy: 0 },
  document: { on: `people ((profile ->> 'email'))`, offBy: 0 },
  plan: { on: `people ((profile ->> 'plan'))`, offBy: 0 },
  hashed: { on: 'people USING hash (lower(email))', offBy: 0 },
}

describe.each([14, 18])('statistics of an expression without an index, PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing('postgres14')
  let library: Library
  let planner: Planner
  let shadow: Client

  beforeAll(async () => {
    if (missing) return
    library = await openLibrary(version)
    await library.client.query(
      'CREATE FUNCTION fails(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1 / 0; END $$',
    )
    planner = await openPlanner(library.client)
    const indexes = [
      ...Object.entries(expressions).map(([name, { on }]) => [`index_${name}`, on] as const),
      ['index_two', `people ((email || city))`] as const,
      ['index_fails', 'people (fails(email))'] as const,
      ['index_words', `items USING gin (to_tsvector('simple', code))`] as const,
    ]
    await planner.buildIndexes(
      indexes.map(([name, on]) => ({ schema: 'public', name, sql: `CREATE INDEX ${name} ON ${on}` })),
    )
    for (const [name, { on }] of Object.entries(expressions)) {
      await library.client.query(`CREATE INDEX index_${name} ON ${on}`)
    }
    await library.client.query('ANALYZE people')
    shadow = await planner.connect()
  })

  afterAll(async () => {
    if (missing) return
    await shadow.end()
    await planner.close()
    await library.close()
  })

  const read = async (client: Client, index: string): Promise<Line | undefined> => {
    const { rows } = await client.query<Line>(
      `SELECT n_distinct AS distinct, avg_width AS width, null_frac AS "nullFraction", correlation,
         most_common_vals::text::text[] AS common, most_common_freqs AS frequencies
       FROM pg_stats WHERE tablename = $1`,
      [index],
    )
    return rows[0]
  }

  test.skipIf(missing).each(Object.entries(expressions))(
    '%s: as ANALYZE counts it',
    async (name, { offBy }) => {
      const [estimated, counted] = [
        await read(shadow, `index_${name}`),
        await read(library.client, `index_${name}`),
      ]
      expect(counted).toBeDefined()
      const different = (line?: Line): number =>
        !line ? 0 : line.distinct < 0 ? -20_000 * line.distinct : line.distinct
      expect(Math.abs(different(estimated) / different(counted) - 1)).toBeLessThanOrEqual(offBy)
      expect(estimated?.nullFraction).toBeCloseTo(counted?.nullFraction ?? -1)
      expect(Math.abs((estimated?.width ?? 0) - (counted?.width ?? 0))).toBeLessThanOrEqual(1)
      expect(Math.abs((estimated?.correlation ?? 0) - (counted?.correlation ?? 0))).toBeLessThan(0.5)
    },
  )

  test.skipIf(missing)('common values are those of the column', async () => {
    const [estimated, counted] = [
      await read(shadow, 'index_fewer'),
      await read(library.client, 'index_fewer'),
    ]
    expect(estimated?.common).toEqual(counted?.common)
    expect(estimated?.frequencies).toEqual(counted?.frequencies)
    const ofNull = await read(shadow, 'index_null')
    expect(ofNull?.common?.[0]).toBe('none')
  })

  test.skipIf(missing)('what cannot be evaluated has none', async () => {
    expect(await read(shadow, 'index_two')).toBeUndefined()
    expect(await read(shadow, 'index_fails')).toBeUndefined()
  })

  test.skipIf(missing)('words of a text are known', async () => {
    const { rows } = await shadow.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
      `EXPLAIN (FORMAT JSON) SELECT FROM items WHERE to_tsvector('simple', code) @@ to_tsquery('simple', 'c7')`,
    )
    // 20,000 rows of 900 codes.
    expect(Math.abs((rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0) - 22)).toBeLessThan(4)
  })
})

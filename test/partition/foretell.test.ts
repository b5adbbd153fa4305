import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shapeOf } from '../../src/advisor/agreement.ts'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import { planStatement } from '../../src/advisor/plannedStatement.ts'
import type { Foretelling } from '../../src/partition/foretell.ts'
import { foretell } from '../../src/partition/foretell.ts'
import { connect } from '../../src/postgres/connect.ts'
import type { PlanNode } from '../../src/postgres/explain.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import { engineIsMissing } from '../support/engines.ts'

const keyed = { table: { schema: 'public', name: 'visits' }, key: 'day' }

const columns = `(id int NOT NULL, page int NOT NULL, "user" int NOT NULL, day date NOT NULL, kind text, note text)`
const rows = `
  SELECT n, hashint4(n) & 511, hashint4(n + 7) & 2047, date '2026-01-01' + n / 500,
    (ARRAY['read', 'read', 'read', 'write', 'share'])[1 + (hashint4(n + 3) & 1023) % 5], repeat('x', n % 40)
  FROM generate_series(0, 59999) AS n`

const base = `
  CREATE ROLE reader;
  CREATE TABLE pages (page int PRIMARY KEY, title text);
  INSERT INTO pages SELECT n, 'page ' || n FROM generate_series(0, 511) AS n;
  GRANT SELECT ON pages TO reader;`
const indexes = `
  CREATE INDEX visits_user ON visits ("user", id DESC);
  CREATE INDEX visits_day ON visits (day);
  CREATE INDEX visits_lower ON visits (lower(kind)) WHERE kind <> 'read';
  ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON visits FOR SELECT TO reader USING ("user" = 7 OR kind = 'share');
  GRANT SELECT ON visits TO reader;
  CREATE VIEW writes AS SELECT id, day, "user" FROM visits WHERE kind = 'write';`

/** Four months, as the shadow names them. */
const months = ['2026-01-01', '2026-02-01', '2026-03-01', '2026-04-01', '2026-05-01']
const byMonth = {
  name: 'every month its own partition',
  partitions: months.slice(0, -1).map((from, at) => ({ name: from, from, to: months[at + 1] ?? null })),
}

const workload = parseWorkload(`
  -- name: a day
  SELECT count(*) FROM visits WHERE day = '2026-02-03';
  -- name: a month by kind
  SELECT kind, count(*) FROM visits WHERE day >= '2026-02-01' AND day < '2026-03-01' GROUP BY kind;
  -- name: two months
  SELECT page, max(id) FROM visits WHERE day BETWEEN '2026-02-15' AND '2026-03-15' GROUP BY page;
  -- name: by id
  SELECT * FROM visits WHERE id = 4711;
  -- name: latest of a user
  SELECT * FROM visits WHERE "user" = 77 ORDER BY id DESC LIMIT 10;
  -- name: everything
  SELECT count(note) FROM visits;
  -- name: by an expression
  SELECT * FROM visits WHERE lower(kind) = 'share' AND kind <> 'read' AND day = '2026-03-03';
  -- name: joined
  SELECT p.title, count(*) FROM visits v JOIN pages p USING (page) WHERE v.day = '2026-04-04' GROUP BY 1;
  -- name: through a view
  SELECT count(*) FROM writes WHERE day < '2026-02-01';
  -- name: as a reader
  -- role: reader
  SELECT count(*) FROM visits WHERE day >= '2026-03-01';
  -- name: with a parameter
  -- types: date
  -- args: '2026-01-20'
  SELECT count(note) FROM visits WHERE day = $1;
  -- name: a change
  UPDATE visits SET note = 'seen' WHERE id = 815 AND day = '2026-01-02';
  -- name: an upsert
  INSERT INTO visits VALUES (1, 1, 1, '2026-01-01') ON CONFLICT (id) DO NOTHING;
  -- name: of another table
  SELECT * FROM pages;`)

/** Plans as text, without the order in which EXPLAIN names the partitions' aliases. */
async function planned(
  client: Client,
  statement: PlannedStatement,
): Promise<{ shape: string; cost: number }> {
  await client.query('BEGIN')
  try {
    const plan: PlanNode = await planStatement(client, statement, statement.args[0] ?? [], 'custom')
    return { shape: shapeOf(plan), cost: plan['Total Cost'] }
  } finally {
    await client.query('ROLLBACK')
  }
}

describe.each([14, 18])('foretold for PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing('postgres14')
  let server: EmbeddedServer
  let source: Client
  let real: Client
  let foretold: Foretelling
  const inShadow = new Map<string, { shape: string; cost: number }>()

  const of = (name: string) => {
    const found = foretold.layouts.at(-1)?.statements.find(({ statement }) => statement.name === name)
    if (!found) throw new Error(`nothing is foretold for ${name}`)
    return found
  }

  beforeAll(async () => {
    if (missing) return
    // A sample of all rows: what is foretold hangs on no chance.
    const settings = { autovacuum: 'off', default_statistics_target: '1000' }
    server = await startEmbedded({ version, settings })
    const administrator = await connect(server.url())
    await administrator.query('CREATE DATABASE one')
    await administrator.query('CREATE DATABASE parts')
    await administrator.end()
    source = await connect(server.url('one'))
    await source.query(`${base} CREATE TABLE visits ${columns}; INSERT INTO visits ${rows};
      ALTER TABLE visits ADD PRIMARY KEY (id); ${indexes}`)
    await source.query('VACUUM ANALYZE')

    real = await connect(server.url('parts'))
    await real.query(`${base.replace('CREATE ROLE reader;', '')}
      CREATE TABLE visits ${columns} PARTITION BY RANGE (day);
      ${indexes} CREATE UNIQUE INDEX hundredfold_unique_1 ON visits (id, day);`)
    for (const [at, { from, to }] of byMonth.partitions.entries()) {
      await real.query(
        `CREATE TABLE hundredfold_partition_${at + 1} PARTITION OF visits FOR VALUES FROM ('${from}') TO ('${to}')`,
      )
    }
    await real.query(
      `CREATE TABLE hundredfold_partition_default PARTITION OF visits DEFAULT; INSERT INTO visits ${rows}`,
    )
    // As right after they were built.
    await real.query('REINDEX DATABASE parts')
    await real.query('VACUUM ANALYZE')

    foretold = await foretell(source, keyed, workload, {
      views: [],
      layouts: () => [byMonth],
      inspect: async (layout, planner) => {
        const shadow = await planner.connect()
        for (const { statement } of layout.statements) {
          if (statement.name === 'an upsert') continue
          inShadow.set(statement.name, await planned(shadow, statement))
        }
        await shadow.end()
      },
    })
  })

  afterAll(async () => {
    if (missing) return
    await source.end()
    await real.end()
    await server.stop()
  })

  test.skipIf(missing)('partitions have their share of the rows', async () => {
    const { rows: counted } = await real.query<{ rows: number }>(
      `SELECT reltuples::float8 AS rows FROM pg_class WHERE relname ~ '^hundredfold_partition_\\d$' ORDER BY relname`,
    )
    const partitions = foretold.layouts[0]?.partitions ?? []
    for (const [at, { rows: expected }] of counted.entries()) {
      expect(partitions[at]?.rows).toBeGreaterThan(expected * 0.97)
      expect(partitions[at]?.rows).toBeLessThan(expected * 1.03)
    }
    expect(partitions.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 3)
  })

  test.skipIf(missing)(
    'plans have the shape of those on a table that is really partitioned, at its cost',
    async () => {
      expect(inShadow.size).toBeGreaterThanOrEqual(11)
      const errors: number[] = []
      for (const { statement } of foretold.layouts[0]?.statements ?? []) {
        const shadow = inShadow.get(statement.name)
        if (!shadow) continue
        const truth = await planned(real, statement)
        expect({ name: statement.name, shape: shadow.shape }).toEqual({
          name: statement.name,
          shape: truth.shape,
        })
        errors.push(Math.abs(shadow.cost / truth.cost - 1))
      }
      errors.sort((one, other) => one - other)
      expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.01)
      expect(errors.at(-1)).toBeLessThan(0.05)
    },
  )

  test.skipIf(missing)('a statement with the key reads its partitions only', () => {
    expect(of('a day').after?.partitions).toBe(1)
    expect(of('two months').after?.partitions).toBe(2)
    expect(of('by id').after?.partitions).toBe(5)
    expect(of('a day').hasKey).toBe(true)
    expect(of('by id').hasKey).toBe(false)
  })

  test.skipIf(missing)('a lookup without the key costs each partition', () => {
    const { before, after, ratio } = of('by id')
    expect(after?.cost).toBeGreaterThan(3 * before.cost)
    expect(after?.executeMs).toBeGreaterThan(before.executeMs)
    expect(ratio).toBeLessThan(1)
  })

  test.skipIf(missing)('a month is read without the index', () => {
    const { before, after } = of('a month by kind')
    expect(after?.partitions).toBe(1)
    expect(after?.cost).toBeLessThan(before.cost)
  })

  test.skipIf(missing)('what PostgreSQL refuses is told with its reason', () => {
    const { after, refused } = of('an upsert')
    expect(after).toBeUndefined()
    expect(refused).toContain('no unique or exclusion constraint matching the ON CONFLICT specification')
    expect(foretold.losesUnique).toEqual(['visits_pkey'])
  })

  test.skipIf(missing)('policies hold for the partitioned table as they did', () => {
    expect(inShadow.get('as a reader')?.shape).not.toBe('')
    expect(of('as a reader').after?.partitions).toBe(3)
  })

  test.skipIf(missing)('a statement of another table is not looked at', () => {
    const names = foretold.layouts.flatMap(({ statements }) =>
      statements.map(({ statement }) => statement.name),
    )
    expect(names).not.toContain('of another table')
  })

  test.skipIf(missing)('dropping a partition takes less than deleting its rows', () => {
    expect(foretold.upkeep?.rows).toBeGreaterThan(10_000)
    expect(foretold.upkeep?.retentionWal.after).toBeLessThan(foretold.upkeep?.retentionWal.before ?? 0)
    expect(foretold.upkeep?.vacuum.after).toBeLessThan(foretold.upkeep?.vacuum.before ?? 0)
  })

  test.skipIf(missing)('the source is as before', async () => {
    const { rows: found } = await source.query<{ kind: string }>(
      `SELECT relkind::text AS kind FROM pg_class WHERE relname = 'visits'`,
    )
    expect(found).toEqual([{ kind: 'r' }])
  })
})

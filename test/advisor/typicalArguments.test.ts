import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Advice } from '../../src/advisor/advise.ts'
import { advise } from '../../src/advisor/advise.ts'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import { planStatement } from '../../src/advisor/plannedStatement.ts'
import { prepareWorkload } from '../../src/advisor/preparation.ts'
import { openPlanner } from '../../src/shadow/planner/openPlanner.ts'
import type { Planner } from '../../src/shadow/planner/openPlanner.ts'
import { adviceDocument } from '../../src/report/advice.ts'
import { adviceLines } from '../../src/report/adviceText.ts'
import type { CountedStatement } from '../../src/workload/countedStatements.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

/** Stands in real rows, and so in statistics: nobody may see it. */
const marker = 'marker-3317'

const schema = `
  CREATE TABLE jobs (id int PRIMARY KEY, status text NOT NULL, kind text NOT NULL, made timestamptz NOT NULL, note text);
  INSERT INTO jobs SELECT n, CASE WHEN n % 2000 = 0 THEN '${marker}-open' ELSE '${marker}-done' END, 'kind' || n % 40,
    timestamptz '2026-01-01' + n * interval '1 minute', md5(n::text) FROM generate_series(1, 60000) n;
  CREATE INDEX jobs_open_idx ON jobs (made) WHERE status = '${marker}-open';
  ANALYZE jobs`

const statement = (name: string, sql: string, counted: Partial<CountedStatement> = {}): CountedStatement => ({
  name,
  line: undefined,
  calls: 1000,
  types: [],
  args: [[]],
  role: undefined,
  claims: undefined,
  sql,
  isGeneric: true,
  meanMs: 1,
  planMs: 0,
  rowsPerCall: 1,
  ...counted,
})

const workload = [
  statement('open jobs', 'SELECT * FROM jobs WHERE status = $1 ORDER BY made', { rowsPerCall: 30 }),
  statement('how many', 'SELECT count(*) FROM jobs WHERE status = $1'),
  statement('of a kind', 'SELECT * FROM jobs WHERE kind = $1', { rowsPerCall: 1500 }),
  statement(
    'first of a day',
    'SELECT * FROM jobs j WHERE j.status = $1 AND made >= $2 AND made < $3 LIMIT $4',
    {
      rowsPerCall: 9.3,
    },
  ),
  statement('close', 'UPDATE jobs SET note = $1 WHERE status = ANY ($2)', { rowsPerCall: 30 }),
  statement('of an hour', 'SELECT * FROM jobs WHERE status = $1 AND made > now() - $2::interval'),
]

describe('statements whose arguments nobody kept', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let source: Client
  let planner: Planner
  let session: Client
  let prepared: Map<string, PlannedStatement>

  beforeAll(async () => {
    database = await createDatabase()
    source = await database.connect()
    await source.query(schema)
    planner = await openPlanner(source)
    session = await planner.connect()
    const { statements, leftOut } = await prepareWorkload(session, workload)
    expect(leftOut).toEqual([])
    prepared = new Map(statements.map((each) => [each.name, each]))
  }, 60_000)

  afterAll(async () => {
    await session.end()
    await planner.close()
    await source.end()
    await database.drop()
  })

  test('are planned with the common and with a rare value where a column is skewed', () => {
    expect(prepared.get('open jobs')).toMatchObject({
      types: ['text'],
      args: [
        [`hundredfold_statistics.value_of('public', 'jobs', 'status', 'common')::text`],
        [`hundredfold_statistics.value_of('public', 'jobs', 'status', 'rare')::text`],
      ],
      usesStatistics: true,
    })
  })

  test('weigh the two by the rows that a call returned', () => {
    // 30 rows a call are those of the rare value alone.
    expect(prepared.get('open jobs')?.shares?.[0]).toBeCloseTo(0.01)
    expect(prepared.get('close')?.shares?.[0]).toBeCloseTo(0.01)
  })

  test('weigh them by how often rows have the value where a call counts rows', () => {
    expect(prepared.get('how many')?.shares?.[0]).toBeCloseTo(0.99)
  })

  test('stay open where all values are alike, or one is compared with no column', () => {
    for (const name of ['of a kind', 'of an hour']) {
      expect(prepared.get(name)).toMatchObject({ isGeneric: true })
      expect(prepared.get(name)?.shares).toBeUndefined()
    }
  })

  test('have the rows of a call as their LIMIT, and bounds of a range side by side', () => {
    const first = prepared.get('first of a day')
    expect(first?.sql).toMatch(/LIMIT 10$/)
    expect(first?.args[0]?.map((text) => /'(\w+)'\)/.exec(text)?.[1] ?? text)).toEqual([
      'common',
      'typical',
      'next',
      'NULL::bigint',
    ])
  })

  test('show no value of a row in their plans and errors', async () => {
    await session.query('BEGIN')
    for (const each of prepared.values()) {
      for (const args of each.args) {
        const plan = await planStatement(session, each, args, each.isGeneric ? 'generic' : 'custom')
        expect(JSON.stringify(plan)).not.toContain(marker)
      }
    }
    const [known] = prepared.get('open jobs')?.args ?? []
    const wrong = {
      ...workload[0],
      sql: 'SELECT * FROM jobs WHERE id = $1::int',
      types: ['text'],
      usesStatistics: true,
    }
    await expect(planStatement(session, wrong as PlannedStatement, known ?? [], 'custom')).rejects.toThrow(
      /^PostgreSQL does not plan it with values of its statistics \(22P02\)$/,
    )
    await session.query('ROLLBACK')
  })

  test('keep a partial index that only rare values use', async () => {
    const advice: Advice = await advise(source, workload.slice(0, 1), { budget: 0 })
    expect(advice.drops).toEqual([])
    expect(JSON.stringify(adviceDocument(advice))).not.toContain(marker)
    expect(adviceLines(advice).join()).not.toContain(marker)
  })
})

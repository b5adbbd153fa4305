import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { connect } from '../postgres/connect.ts'
import { down } from '../migrate/down.ts'
import { chooseTakeBack, takeBack } from '../migrate/gain/takeBack.ts'
import type { MigrationGain } from '../migrate/gain/verifyGain.ts'
import { verifyGain } from '../migrate/gain/verifyGain.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import type { Migration } from '../migrate/migration.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { up } from '../migrate/up.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Bench } from './bench.ts'
import { moreIsBetterRow } from './bench.ts'
import { underLoad } from './load/load.ts'

const runs = 100
/** Calls of each statement before the migrations: later looks cannot make up for too few of them. */
const callsBefore = 400
/** Calls between two looks after the migrations. */
const callsPerLook = 100
/** As long as there is no verdict, one looks again later. */
const mostLooks = 30
const database = 'gain'

/** One index that the load likes, one that it never uses, and one that does harm, in this order. */
const indexes = {
  helpful: 'orders (customer_id)',
  /** In its order the rows that are wanted come last, which the planner does not know. */
  trap: 'events (created_at)',
  /** An update of an indexed column cannot be a HOT update, and each writes forty entries. */
  lostHot: 'sessions USING gin (pages) WITH (fastupdate = off)',
  useless: 'products (weight)',
}

/** Verdicts of `migrate verify --gain` on three indexes under a live load, a hundred times, and what `--take-back` takes back. */
export const gainBench: Bench = {
  id: 'gain',
  title: 'Gain, measured after migrations',
  rowIds: ['gain', 'gain_take_back'],
  async run({ config, onStep, signal }) {
    const server = await provideServer(config)
    const client = await connect(server.url())
    try {
      await client.query(`DROP DATABASE IF EXISTS ${database}`)
      await client.query(`CREATE DATABASE ${database}`)
      const session = await connect(server.url(database))
      try {
        await session.query(schema)
        await session.query('VACUUM ANALYZE')
        const sets = [await writeSet('trap'), await writeSet('lostHot')] as const
        const load = { url: server.url(database), clients: 3, pauseMs: 0, transactions }
        const tally: Tally = { right: 0, takenBack: 0, looks: 0, wrong: [] }
        const { load: report } = await underLoad(load, async () => {
          for (let run = 0; run < runs; run += 1) {
            signal?.throwIfAborted()
            onStep(`run ${run + 1} of ${runs}, ${tally.wrong.length} wrong`)
            await judgeOnce(session, sets[run % 2] ?? sets[0], tally)
          }
        })
        const wrong = tally.wrong.length > 0 ? `; wrong: ${tally.wrong.slice(0, 5).join('; ')}` : ''
        return [
          moreIsBetterRow({
            id: 'gain',
            title: 'verify --gain: a helpful, a useless and a harmful index under load, told apart',
            claim: 'at most 1 wrong verdict in 100 runs',
            before: 3 * runs,
            after: tally.right,
            unit: 'verdicts',
            met: tally.right >= 3 * runs - 1,
            how: `${runs} runs on a live load of ${report.transactions.toLocaleString('en-US')} transactions (${report.failed} failed); at least ${callsBefore} calls of each statement before, and ${callsPerLook} before each of ${tally.looks} looks after: without a verdict one looks again; by turns the harmful index tempts the planner and ends HOT updates${wrong}`,
          }),
          moreIsBetterRow({
            id: 'gain_take_back',
            title: 'verify --gain --take-back takes back the harmful index only, though it is not the newest',
            claim: 'the harmful one only',
            before: runs,
            after: tally.takenBack,
            unit: 'runs',
            met: tally.takenBack >= runs - 1,
            how: 'the same runs; right means that this index is gone and the two others are there',
          }),
        ]
      } finally {
        await session.end()
        await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
      }
    } finally {
      await client.end()
      await server.stop()
    }
  },
}

interface Tally {
  right: number
  takenBack: number
  looks: number
  wrong: string[]
}

type Expected = Record<string, MigrationGain['verdict']>

interface IndexSet {
  migrations: Migration[]
  expected: Expected
  harmful: string
}

const schema = `
  CREATE EXTENSION pg_stat_statements;
  CREATE TABLE orders AS
    SELECT id, id % 500 AS customer_id, repeat('x', 40) AS note FROM generate_series(1, 6000) id;
  CREATE TABLE events AS
    SELECT id, CASE WHEN id > 5700 THEN 3 ELSE id % 2 END AS tenant, repeat('x', 40) AS note,
      timestamp '2026-01-01' + id * interval '1 s' AS created_at
    FROM (SELECT generate_series(1, 6000) AS id ORDER BY random()) shuffled;
  CREATE INDEX ON events (tenant);
  CREATE TABLE sessions (id int PRIMARY KEY, pages int[]) WITH (fillfactor = 50);
  INSERT INTO sessions SELECT id, '{1}' FROM generate_series(1, 2000) id;
  CREATE TABLE products (id int PRIMARY KEY, weight int, views int) WITH (fillfactor = 50);
  INSERT INTO products SELECT id, id % 10, 0 FROM generate_series(1, 2000) id;
  CREATE TABLE untouched AS SELECT id, md5(id::text) AS note FROM generate_series(1, 1000) id;
  CREATE TABLE notes (id int PRIMARY KEY, note text) WITH (fillfactor = 50);
  INSERT INTO notes SELECT id, md5(id::text) FROM generate_series(1, 2000) id;`

const anyOf = (count: number) => `(SELECT 1 + floor(random() * ${count})::int)`

const updateSession = `UPDATE sessions SET pages = ARRAY(SELECT floor(random() * 500)::int FROM generate_series(1, 40))
  WHERE id = ${anyOf(2000)}`

/** Each is sent so often at once: fewer round trips leave more of the machine to the statements. */
const atOnce = 5

/** The last six touch no table of a migration: they show how fast the machine is. */
const statements = [
  [`SELECT count(*) FROM orders WHERE customer_id = ${anyOf(499)}`],
  ['SELECT * FROM events WHERE tenant = 3 ORDER BY created_at LIMIT 5'],
  // A stall of the machine is long beside such a short statement, so it takes more calls to tell one from the other.
  Array.from({ length: 3 }, () => updateSession),
  [
    `SELECT * FROM products WHERE id = ${anyOf(2000)}`,
    `UPDATE products SET views = views + 1 WHERE id = ${anyOf(2000)}`,
  ],
  [`SELECT count(*) FROM untouched WHERE note LIKE '%a'`],
  [`SELECT max(note) FROM untouched WHERE id > 10`],
  [`SELECT * FROM notes WHERE id = ${anyOf(2000)}`],
  [`UPDATE notes SET note = md5(note) WHERE id = ${anyOf(2000)}`],
  ['SELECT count(DISTINCT left(note, 2)) FROM notes WHERE id < 200'],
  ['SELECT sum(id) FROM untouched, generate_series(1, 2)'],
]
const transactions = [
  ...statements.map((each) => Array.from({ length: atOnce }, () => each).flat()),
  // Sessions report scans once a second; here a run takes less.
  ['SELECT pg_stat_force_next_flush()'],
]

async function writeSet(harm: 'trap' | 'lostHot'): Promise<IndexSet> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-bench-'))
  try {
    const names: string[] = []
    for (const [number, kind] of (['helpful', harm, 'useless'] as const).entries()) {
      const name = `2026010${number + 1}000000000_create-${kind.toLowerCase()}-index`
      const index = `${kind.toLowerCase()}_idx`
      await writeFile(
        join(directory, `${name}.mjs`),
        `export function up(pgm) { pgm.noTransaction(); pgm.sql('CREATE INDEX CONCURRENTLY ${index} ON ${indexes[kind]}') }
export function down(pgm) { pgm.noTransaction(); pgm.sql('DROP INDEX CONCURRENTLY ${index}') }
`,
      )
      names.push(name)
    }
    const [helpful = '', harmful = '', useless = ''] = names
    const expected: Expected = { [helpful]: 'gained', [harmful]: 'lost', [useless]: 'unused' }
    return { migrations: await loadMigrations(directory), expected, harmful }
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function judgeOnce(client: Client, set: IndexSet, tally: Tally): Promise<void> {
  const { migrations, expected, harmful } = set
  const options = { ...defaultRunOptions, client }
  await client.query('SELECT pg_stat_statements_reset()')
  await untilCalled(client, callsBefore)
  const applied = await up(migrations, {}, options)
  if (applied.failure) throw applied.failure
  const gains = await lookUntilDecided(client, migrations, tally)
  for (const gain of gains) {
    if (gain.verdict === expected[gain.name]) tally.right += 1
    else tally.wrong.push(describe(gain))
  }
  const { chosen } = await chooseTakeBack(migrations, gains, options)
  if (chosen.length > 0) {
    const back = await takeBack(migrations, chosen, options)
    if (back.failure) throw back.failure
    if (back.ran.length === 1 && back.ran[0]?.name === harmful) tally.takenBack += 1
  }
  const rest = await down(migrations, { count: migrations.length }, options)
  if (rest.failure) throw rest.failure
  await client.query('TRUNCATE hundredfold.migrations, hundredfold.changes, hundredfold.readings')
}

async function lookUntilDecided(
  client: Client,
  migrations: Migration[],
  tally: Tally,
): Promise<MigrationGain[]> {
  for (let look = 1; ; look += 1) {
    await untilCalled(client, (await leastCalled(client)) + callsPerLook)
    const gains = await verifyGain(migrations, { ...defaultRunOptions, client, leastWindowMs: 0 })
    tally.looks += 1
    if (look === mostLooks || gains.every(({ verdict }) => verdict !== 'unknown')) return gains
  }
}

function describe({ name, verdict, reason, statements }: MigrationGain): string {
  const figures = statements
    .map(
      ({ query, verdict: its, meanBefore, meanAfter }) =>
        `${query.slice(0, 30)} ${its} ${meanBefore?.toFixed(3) ?? '-'} -> ${meanAfter?.toFixed(3) ?? '-'} ms`,
    )
    .join(', ')
  return `${name.slice(18)} is ${verdict}${reason === undefined ? '' : ` (${reason})`}: ${figures}`
}

/** The calls of the statement of the load that was called least; 0 until all have been called. */
async function leastCalled(client: Client): Promise<number> {
  const { rows } = await client.query<{ calls: number; statements: number }>(
    `SELECT coalesce(min(calls), 0)::int AS calls, count(*)::int AS statements FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND toplevel
       AND query ~ '(orders|events|sessions|products|untouched|notes)' AND query !~ 'hundredfold|pg_catalog|INDEX'`,
  )
  const expected = new Set(statements.flat()).size
  return (rows[0]?.statements ?? 0) < expected ? 0 : (rows[0]?.calls ?? 0)
}

async function untilCalled(client: Client, times: number): Promise<void> {
  while ((await leastCalled(client)) < times) await sleep(20)
}

import type { Client } from 'pg'

/** One request as a role, and what a client sees of it. */
interface Probe {
  as: string
  /** The number of the person whose id the request carries. */
  person?: number
  sql: string
}

const lines = '"Shop data"."Order lines"'
const person = (number: number) => `md5('p${number}')::uuid`

/** What clients of test/partition/everything.sql do; each is one request, in a transaction that is rolled back. */
export const probes: Probe[] = [
  ...['member', 'visitor', 'servant', 'clerk'].flatMap((as) => [
    { as, person: 3, sql: `SELECT count(*), sum(id) FROM ${lines}` },
    { as, person: 3, sql: `SELECT id, cents, state FROM ${lines} ORDER BY id LIMIT 3` },
    { as, person: 3, sql: `SELECT note FROM ${lines} LIMIT 1` },
    {
      as,
      person: 3,
      sql: `WITH paid AS (UPDATE ${lines} SET state = 'paid' WHERE id < 400 RETURNING id, state) SELECT * FROM paid ORDER BY id`,
    },
    { as, person: 3, sql: `DELETE FROM ${lines} WHERE id = 105` },
    { as, person: 3, sql: `TRUNCATE ${lines} CASCADE` },
    { as, person: 3, sql: 'SELECT count(*) FROM other.payments' },
    { as, person: 3, sql: 'SELECT count(*) FROM other.open_lines' },
    { as, person: 3, sql: `SELECT count(*) FROM other.lines_of(${person(4)})` },
    {
      as,
      person: 3,
      sql: `INSERT INTO ${lines} (owner_id, "When it was", cents) VALUES (${person(3)}, '2020-01-01', 5) RETURNING id % 5 AS rest, "Ticket no" IS NOT NULL AS numbered, state, gross`,
    },
    {
      as,
      person: 3,
      sql: `INSERT INTO ${lines} (owner_id, "When it was", cents) VALUES (${person(4)}, '2020-01-01', 5)`,
    },
    {
      as,
      person: 3,
      sql: `INSERT INTO ${lines} (owner_id, "When it was", cents, note) VALUES (${person(3)}, '2020-01-01', 5, 'secret')`,
    },
  ]),
  { as: 'member', sql: `SELECT count(*) FROM ${lines}` },
  { as: 'keeper', sql: 'SELECT other.total()' },
  { as: 'keeper', sql: `SELECT other.label(l) FROM ${lines} l ORDER BY l.id LIMIT 2` },
  { as: 'keeper', sql: `INSERT INTO ${lines} (owner_id, cents, state) VALUES (${person(1)}, 5, 'lost')` },
  { as: 'keeper', sql: `INSERT INTO ${lines} (owner_id, cents) VALUES (gen_random_uuid(), 5)` },
  {
    as: 'keeper',
    sql: `INSERT INTO ${lines} (owner_id, "When it was", cents) SELECT owner_id, "When it was", 1 FROM ${lines} LIMIT 1`,
  },
  { as: 'keeper', sql: 'INSERT INTO other.payments (id, line_id) VALUES (9999, 1)' },
  { as: 'keeper', sql: 'INSERT INTO other.payments (id, line_id) VALUES (9999, 200) RETURNING id, line_id' },
  { as: 'keeper', sql: 'UPDATE other.payments SET line_id = 1 WHERE id = 1' },
  { as: 'keeper', sql: `UPDATE other."Returns" SET line_id = 400 WHERE line_id = 200 RETURNING line_id` },
  {
    as: 'keeper',
    sql: `WITH gone AS (DELETE FROM ${lines} WHERE id = 105 RETURNING id) SELECT count(*) FROM gone;
      SELECT (SELECT count(*) FROM other.payments), (SELECT count(*) FROM other."Returns" WHERE line_id IS NULL)`,
  },
  {
    as: 'keeper',
    sql: `SET CONSTRAINTS ALL DEFERRED; DELETE FROM ${lines} WHERE "Ticket no" = 1; SET CONSTRAINTS ALL IMMEDIATE`,
  },
  {
    as: 'keeper',
    sql: `UPDATE ${lines} SET state = 'paid' WHERE id = 2100; SELECT changed IS NOT NULL FROM ${lines} WHERE id = 2100`,
  },
  {
    as: 'keeper',
    sql: `INSERT INTO ${lines} (owner_id, "When it was", cents) SELECT ${person(1)}, '2019-01-01'::timestamptz + n * interval '1 hour', n FROM generate_series(1, 5) n;
      UPDATE ${lines} SET state = 'paid' WHERE "When it was" < '2019-02-01'; DELETE FROM ${lines} WHERE "When it was" < '2019-02-01';
      SELECT what, count(*) FROM other.journal GROUP BY what ORDER BY what`,
  },
]

/** The rows of the last statement of each probe, or the SQLSTATE of its error. */
export async function runProbes(client: Client): Promise<unknown[]> {
  const seen: unknown[] = []
  for (const { as, person: number, sql } of probes) {
    await client.query('BEGIN')
    try {
      await client.query(
        `SELECT set_config('request.user', ${number === undefined ? "''" : `${person(number)}::text`}, true)`,
      )
      await client.query(`SET LOCAL ROLE ${as}`)
      const results = [await client.query(sql)].flat()
      seen.push({ as, sql, rows: results.at(-1)?.rows })
    } catch (error) {
      seen.push({ as, sql, error: (error as { code?: string }).code })
    } finally {
      await client.query('ROLLBACK')
    }
  }
  return seen
}

/** What each role gets when it reads partitions by their own names. */
export async function readPartitionsDirectly(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = '${lines}'::regclass`,
  )
  const answers: string[] = []
  for (const { name } of rows) {
    for (const as of ['member', 'visitor', 'servant', 'clerk']) {
      await client.query('BEGIN')
      await client.query(`SET LOCAL ROLE ${as}`)
      const answer = await client.query(`SELECT count(*) FROM ${name}`).then(
        () => 'rows',
        (error: { code?: string }) => error.code ?? '',
      )
      answers.push(answer)
      await client.query('ROLLBACK')
    }
  }
  return [...new Set(answers)]
}

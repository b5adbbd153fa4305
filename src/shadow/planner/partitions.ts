import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import { UsageError } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { restoreColumnStatistics } from './columnStatistics.ts'
import type { Planner } from './openPlanner.ts'
import type { KeyDistribution } from './partitionStatistics.ts'
import { clipToRange, numberRanges, ofShare, readKeyDistribution, shareOf } from './partitionStatistics.ts'
import type { Size } from './relationFiles.ts'
import { setSizes } from './relationFiles.ts'
import type { ColumnState, PlannerState, RelationState } from './state.ts'
import { readPlannerState } from './state.ts'

/** A partition to be: keys from `from`, included, up to `to`, as literals of the key's type; null where there is no bound. */
export interface PartitionRange {
  name: string
  from: string | null
  to: string | null
}

/** A partition of the shadow, as large as its share of the table. */
export interface FilledPartition extends PartitionRange {
  /** As the shadow calls it, in the table's schema. */
  relation: string
  /** Of the table's rows, 0 to 1. */
  share: number
  rows: number
  /** Of its heap. */
  blocks: number
  indexes: { name: string; blocks: number }[]
}

/** A table of a planner that can be partitioned there, by one way and then by another one. */
export interface PartitionableTable {
  /** What the statistics know of it. */
  rows: number
  blocks: number
  indexes: { name: string; blocks: number }[]
  key: { name: string; type: string; first: string; last: string; correlation: number | null }
  /** Of the table's rows, the share with keys in each range. */
  sharesOf(ranges: readonly PartitionRange[]): Promise<number[]>
  /** Indexes that are unique without the key, and can no longer be: their names. */
  losesUnique: string[]
  /**
   * Makes the table partitioned by these ranges, in place of the last ones, with a default partition that is empty. All
   * sessions of the shadow end.
   */
  partitionBy(ranges: readonly PartitionRange[]): Promise<FilledPartition[]>
}

/**
 * Prepares a table of a planner for being partitioned by a column. The relation itself becomes the partitioned one, by the
 * shadow's catalog: what hangs on it stays, such as policies, grants, views, functions and triggers. A unique index gets
 * the key as its last column, as PostgreSQL demands, and no foreign key points to it any more.
 *
 * Until `partitionBy` is called the table plans as before.
 *
 * ```ts
 * const table = await openPartitionable(planner, bookings, 'booking_date')
 * await table.partitionBy([{ name: 'history', from: null, to: '2026-01-01' }])
 * ```
 *
 * @throws UsageError where the table or its statistics do not allow it
 */
export async function openPartitionable(
  planner: Planner,
  table: RelationName,
  keyName: string,
): Promise<PartitionableTable> {
  const using = async <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => {
    const client = await planner.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }
  const found = await using((client) => findTable(client, table, keyName))
  const state = await using((client) => readPlannerState(client))
  const own = state.relations.find((each) => each.schema === table.schema && each.name === table.name)
  if (!own || own.reltuples < 0) {
    throw new UsageError(`${display(table)} was never analyzed.`, `Run ANALYZE ${display(table)}.`)
  }
  const key = { name: keyName, type: found.keyType }
  const distribution = await using((client) => readKeyDistribution(client, state, table, key))
  let filling: Filling | undefined
  return {
    rows: own.reltuples,
    blocks: own.blocks,
    indexes: indexesOf(state, table).map(({ name, blocks }) => ({ name, blocks })),
    key: {
      ...key,
      first: distribution.first,
      last: distribution.last,
      correlation: distribution.statistics.correlation,
    },
    sharesOf: (ranges) =>
      using(async (client) =>
        (await numberRanges(client, key.type, ranges)).map((range) => shareOf(distribution, range)),
      ),
    losesUnique: found.unique.map(({ name }) => name),
    partitionBy: async (ranges) => {
      const isFirst = filling === undefined
      if (isFirst) await buildWithKey(planner, table, found.unique)
      filling ??= { table, key, distribution, state: await using((client) => readPlannerState(client)) }
      const known = filling
      const partitions = await using(async (client) => {
        // Triggers on DDL are the source's business.
        await client.query(`SET session_replication_role = replica; SET client_min_messages = error; BEGIN`)
        if (isFirst) await makePartitioned(client, table, found)
        else await dropPartitions(client, table)
        const named = ranges.map((range, at) => ({ ...range, relation: `hundredfold_partition_${at + 1}` }))
        await createPartitions(client, table, named)
        await client.query('COMMIT')
        return fill(client, planner, known, named)
      })
      await planner.restart()
      return partitions
    },
  }
}

interface FoundTable {
  oid: string
  attnum: number
  keyType: string
  opclass: string
  collation: string
  problem: string | null
  unique: UniqueIndex[]
}

/** A unique index without the key, and the statement that builds one with it. */
interface UniqueIndex {
  name: string
  constraint: string | null
  replacement: string
  create: string
}

async function findTable(client: ClientBase, table: RelationName, key: string): Promise<FoundTable> {
  const { rows } = await client.query<FoundTable>(
    `SELECT c.oid::text, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod) AS "keyType",
       a.attcollation::text AS collation,
       (SELECT o.oid::text FROM pg_catalog.pg_opclass o
        JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE o.opcdefault AND o.opcintype = coalesce(nullif(t.typbasetype, 0), t.oid)) AS opclass,
       CASE WHEN c.relkind <> 'r' THEN 'it is no ordinary table'
         WHEN c.relispartition THEN 'it is a partition'
         WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) THEN 'it inherits'
         END AS problem,
       coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
           'name', x.relname, 'constraint', con.conname,
           'create', pg_catalog.concat(
             '(', (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(x.oid, k, true), ', ' ORDER BY k)
                   FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k),
             ', ', pg_catalog.quote_ident(a.attname), ')',
             ' INCLUDE (' || (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(x.oid, k, true), ', ' ORDER BY k)
                   FROM pg_catalog.generate_series(i.indnkeyatts + 1, i.indnatts) AS k) || ')',
             ' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid))) ORDER BY x.relname)
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         LEFT JOIN pg_catalog.pg_constraint con ON con.conindid = x.oid AND con.contype IN ('p', 'u')
         WHERE i.indrelid = c.oid AND i.indisunique
           AND a.attnum <> ALL ((i.indkey::int2[])[0:i.indnkeyatts - 1])), '[]') AS unique
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = $1 AND c.relname = $2`,
    [table.schema, table.name, key],
  )
  const [found] = rows
  if (!found) {
    throw new UsageError(
      `There is no table ${display(table)} with a column ${key}.`,
      'Name both as they are.',
    )
  }
  if (found.problem !== null) {
    throw new UsageError(`${display(table)} cannot be judged: ${found.problem}.`, 'Name an ordinary table.')
  }
  const unique = found.unique.map((index, at) => ({ ...index, replacement: `hundredfold_unique_${at + 1}` }))
  return { ...found, unique }
}

async function buildWithKey(
  planner: Planner,
  table: RelationName,
  unique: readonly UniqueIndex[],
): Promise<void> {
  if (unique.length === 0) return
  const refused = await planner.buildIndexes(
    unique.map(({ replacement, create }) => ({
      schema: table.schema,
      name: replacement,
      sql: `CREATE UNIQUE INDEX ${quote(replacement)} ON ${qualified(table)} ${create}`,
    })),
  )
  for (const reason of refused.values()) {
    throw new UsageError(
      `${display(table)} cannot be judged: PostgreSQL builds no unique index with the key (${reason}).`,
      'Choose another key.',
    )
  }
}

/** The relation keeps its oid, and so everything that refers to it. */
async function makePartitioned(client: ClientBase, table: RelationName, found: FoundTable): Promise<void> {
  for (const { name, constraint } of found.unique) {
    await client.query(
      constraint === null
        ? `DROP INDEX ${qualified({ ...table, name })} CASCADE`
        : `ALTER TABLE ${qualified(table)} DROP CONSTRAINT ${quote(constraint)} CASCADE`,
    )
  }
  const { oid, attnum, opclass, collation } = found
  await client.query(
    `UPDATE pg_catalog.pg_class SET relkind = 'p', relfilenode = 0, relam = 0, reltoastrelid = 0
     WHERE oid = ${oid};
     UPDATE pg_catalog.pg_class SET relkind = 'I', relfilenode = 0
     WHERE oid IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = ${oid});
     INSERT INTO pg_catalog.pg_partitioned_table
       (partrelid, partstrat, partnatts, partdefid, partattrs, partclass, partcollation, partexprs)
     VALUES (${oid}, 'r', 1, 0, '${attnum}', '${opclass}', '${collation}', NULL);
     UPDATE pg_catalog.pg_statistic SET stainherit = true WHERE starelid = ${oid}`,
  )
}

async function dropPartitions(client: ClientBase, table: RelationName): Promise<void> {
  await client.query(
    `DO $$ DECLARE partition regclass; BEGIN
       FOR partition IN SELECT inhrelid FROM pg_catalog.pg_inherits
         WHERE inhparent = ${escapeLiteral(qualified(table))}::regclass
       LOOP EXECUTE pg_catalog.format('DROP TABLE %s', partition); END LOOP; END $$`,
  )
}

const defaultPartition = 'hundredfold_partition_default'

async function createPartitions(
  client: ClientBase,
  table: RelationName,
  ranges: readonly (PartitionRange & { relation: string })[],
): Promise<void> {
  const create = (name: string, bounds: string): string =>
    `CREATE TABLE ${qualified({ ...table, name })} PARTITION OF ${qualified(table)} ${bounds}`
  for (const { relation, from, to } of ranges) {
    const [low, high] = [
      from === null ? 'MINVALUE' : escapeLiteral(from),
      to === null ? 'MAXVALUE' : escapeLiteral(to),
    ]
    await client.query(create(relation, `FOR VALUES FROM (${low}) TO (${high})`))
  }
  await client.query(create(defaultPartition, 'DEFAULT'))
}

interface Filling {
  table: RelationName
  key: { name: string; type: string }
  distribution: KeyDistribution
  /** Of the table before it was partitioned. */
  state: PlannerState
}

/** Gives partitions sizes and statistics, by their shares. */
async function fill(
  client: ClientBase,
  planner: Planner,
  { table, key, distribution, state }: Filling,
  ranges: readonly (PartitionRange & { relation: string })[],
): Promise<FilledPartition[]> {
  const whole = state.relations.find((each) => each.schema === table.schema && each.name === table.name)
  if (!whole) throw new Error(`the shadow has lost ${display(table)}`)
  const columns = state.columns.filter((each) => each.schema === table.schema && !each.inherited)
  const widths = new Map(
    columns.filter(({ relation }) => relation === table.name).map(({ column, width }) => [column, width]),
  )
  const children = await indexesOfPartitions(client, table)
  const numbers = await numberRanges(client, key.type, ranges)
  const sizes: Size[] = [empty(table.schema, defaultPartition)]
  const states: ColumnState[] = []
  const filled: FilledPartition[] = []
  for (const [at, range] of ranges.entries()) {
    const within = numbers[at] ?? { from: -Infinity, to: Infinity }
    const share = shareOf(distribution, within)
    const rows = Math.round(whole.reltuples * share)
    const { relation } = range
    const heap = rows === 0 ? empty(table.schema, relation) : portion(whole, relation, share)
    const own = children.filter((child) => child.partition === relation)
    const indexes = own.flatMap(({ name, parent }): Size[] => {
      const of = state.relations.find((each) => each.schema === table.schema && each.name === parent)
      return of && rows > 0 ? [indexPortion(of, name, share, widths)] : []
    })
    sizes.push(heap, ...indexes)
    filled.push({ ...range, share, rows, blocks: heap.blocks, indexes })
    if (rows === 0) continue
    for (const column of columns) {
      const index = own.find(({ parent }) => parent === column.relation)
      if (column.relation !== table.name && !index) continue
      const isKey = column.relation === table.name && column.column === key.name
      const of = isKey
        ? await clipToRange(client, distribution, within)
        : ofShare(column, whole.reltuples, share)
      states.push({ ...of, relation: index?.name ?? relation })
    }
  }
  await restoreColumnStatistics(client, states)
  await copyExtendedStatistics(client, table, planner.version)
  await setSizes(client, planner.dataDirectory, sizes)
  return filled
}

const empty = (schema: string, name: string): Size => ({
  schema,
  name,
  blocks: 0,
  relpages: 0,
  reltuples: 0,
  relallvisible: 0,
})

function portion(whole: RelationState, name: string, share: number): Size {
  const part = (count: number): number => Math.round(count * share)
  return {
    schema: whole.schema,
    name,
    blocks: Math.max(1, part(whole.blocks)),
    relpages: Math.max(1, part(whole.relpages)),
    reltuples: part(whole.reltuples),
    relallvisible: part(whole.relallvisible),
  }
}

/** Of a key whose width nobody knows. */
const defaultKeyBytes = 16

function indexPortion(
  index: RelationState,
  name: string,
  share: number,
  widths: ReadonlyMap<string, number>,
): Size {
  const size = portion(index, name, share)
  // A B-tree has a block beside its leaves.
  const blocks = Math.max(2, size.blocks)
  if (index.method !== 'btree' || index.keys === null) return { ...size, blocks }
  const btreeKeyBytes = index.keys.reduce(
    (sum, column) => sum + ((column === null ? undefined : widths.get(column)) ?? defaultKeyBytes),
    0,
  )
  return { ...size, blocks, btreeKeyBytes }
}

function indexesOf({ relations }: PlannerState, table: RelationName): RelationState[] {
  return relations.filter((each) => each.schema === table.schema && each.table === table.name)
}

async function indexesOfPartitions(
  client: ClientBase,
  table: RelationName,
): Promise<{ partition: string; name: string; parent: string }[]> {
  const { rows } = await client.query<{ partition: string; name: string; parent: string }>(
    `SELECT p.relname::text AS partition, x.relname::text AS name, parent.relname::text AS parent
     FROM pg_catalog.pg_inherits i
     JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
     JOIN pg_catalog.pg_index own ON own.indrelid = p.oid
     JOIN pg_catalog.pg_class x ON x.oid = own.indexrelid
     JOIN pg_catalog.pg_inherits ii ON ii.inhrelid = x.oid
     JOIN pg_catalog.pg_class parent ON parent.oid = ii.inhparent
     WHERE i.inhparent = $1::regclass
     ORDER BY 1, 2`,
    [qualified(table)],
  )
  return rows
}

/** Statistics objects of the table, on each partition with what is known of the whole. */
async function copyExtendedStatistics(
  client: ClientBase,
  table: RelationName,
  version: number,
): Promise<void> {
  const parent = `${escapeLiteral(qualified(table))}::regclass`
  await client.query(
    `CREATE TEMPORARY TABLE hundredfold_copies AS
     SELECT s.oid AS source, i.inhrelid AS partition,
       pg_catalog.pg_nextoid('pg_catalog.pg_statistic_ext', 'oid', 'pg_catalog.pg_statistic_ext_oid_index') AS oid
     FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_inherits i ON i.inhparent = s.stxrelid
     WHERE s.stxrelid = ${parent};
     INSERT INTO pg_catalog.pg_statistic_ext
     SELECT (pg_catalog.jsonb_populate_record(s, pg_catalog.jsonb_build_object(
       'oid', c.oid::int8, 'stxrelid', c.partition::int8, 'stxname', 'hundredfold_statistics_' || c.oid))).*
     FROM hundredfold_copies c JOIN pg_catalog.pg_statistic_ext s ON s.oid = c.source;
     INSERT INTO pg_catalog.pg_statistic_ext_data
     SELECT (pg_catalog.jsonb_populate_record(d, pg_catalog.jsonb_build_object('stxoid', c.oid::int8
       ${version >= 15 ? `, 'stxdinherit', false` : ''}))).*
     FROM hundredfold_copies c JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = c.source;
     DROP TABLE hundredfold_copies`,
  )
  if (version < 15) return
  await client.query(
    `UPDATE pg_catalog.pg_statistic_ext_data SET stxdinherit = true
     WHERE stxoid IN (SELECT oid FROM pg_catalog.pg_statistic_ext WHERE stxrelid = ${parent})`,
  )
}

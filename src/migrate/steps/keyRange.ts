import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { BatchWalk } from '../batched.ts'
import type { KeyColumn } from './walkedKey.ts'

/** The values of a key as text, in the order of its columns. */
export type KeyValues = string[]

/** How a table is walked: its key in the order of an index, and the limits of each query on it. */
export interface KeyOrder {
  walk: BatchWalk
  columns: KeyColumn[]
  /** `SET LOCAL lock_timeout = ...; SET LOCAL statement_timeout = ...` */
  limits: string
}

/**
 * The condition of one batch: above the first key and up to the second, where there are such.
 *
 * `(r."id") > (CAST('100' AS bigint)) AND (r."id") <= (CAST('200' AS bigint))`
 */
export function between(
  { walk, columns }: KeyOrder,
  after: KeyValues | undefined,
  upTo: KeyValues | undefined,
): string {
  const key = keyOf({ walk, columns })
  const parts = [
    ...(after ? [`(${key}) > (${literals(columns, after)})`] : []),
    ...(upTo ? [`(${key}) <= (${literals(columns, upTo)})`] : []),
  ]
  return parts.length > 0 ? parts.join(' AND ') : 'true'
}

/** Qualified, since ORDER BY would take a bare name for one of the results. */
function keyOf({ walk, columns }: Pick<KeyOrder, 'walk' | 'columns'>): string {
  return columns.map(({ name }) => `${quote(walk.as)}.${quote(name)}`).join(', ')
}

function from({ walk }: Pick<KeyOrder, 'walk'>): string {
  return `${qualified(walk.table)} AS ${quote(walk.as)}`
}

function literals(columns: KeyColumn[], values: KeyValues): string {
  return columns.map(({ type }, at) => `CAST(${escapeLiteral(values[at] ?? '')} AS ${type})`).join(', ')
}

/** Another session may read the text again, and must not understand another value by it. */
const unmistakable =
  'SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = postgres; SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex'

/** The greatest key in the table; undefined if the table is empty. */
export async function findLastKey(client: ClientBase, order: KeyOrder): Promise<KeyValues | undefined> {
  const descending = order.columns.map(({ name }) => `${quote(order.walk.as)}.${quote(name)} DESC`).join(', ')
  const [row] = await select<{ key: KeyValues }>(
    client,
    order,
    `SELECT ${asText(order)} AS key FROM ${from(order)} ORDER BY ${descending} LIMIT 1`,
  )
  return row?.key
}

/** The key that `size` rows above `after` lead to, and whether it is at `until` or beyond; undefined if fewer are left. */
export async function findBound(
  client: ClientBase,
  order: KeyOrder,
  { after, until, size }: { after?: KeyValues | undefined; until: KeyValues; size: number },
): Promise<{ key: KeyValues; isLast: boolean } | undefined> {
  const key = keyOf(order)
  const [row] = await select<{ key: KeyValues; isLast: boolean }>(
    client,
    order,
    `SELECT ${asText(order)} AS key, (${key}) >= (${literals(order.columns, until)}) AS "isLast"
     FROM (SELECT ${key} FROM ${from(order)} WHERE ${between(order, after, undefined)}
           ORDER BY ${key} OFFSET ${size - 1} LIMIT 1) AS ${quote(order.walk.as)}`,
  )
  return row
}

/** How many rows are above `after`, and not above `upTo` where that is given. */
export async function countRows(
  client: ClientBase,
  order: KeyOrder,
  { after, upTo }: { after?: KeyValues | undefined; upTo?: KeyValues | undefined },
): Promise<number> {
  const [row] = await select<{ rows: number }>(
    client,
    order,
    `SELECT pg_catalog.count(*)::float8 AS rows FROM ${from(order)} WHERE ${between(order, after, upTo)}`,
  )
  return row?.rows ?? 0
}

const sampled = 20_000

/**
 * Keys that cut the table into parts of about the same size, by a sample of its pages: one fewer than parts.
 *
 * @param rows an estimate
 */
export async function findCuts(
  client: ClientBase,
  order: KeyOrder,
  { parts, rows }: { parts: number; rows: number },
): Promise<KeyValues[]> {
  const percent = Math.min(100, (100 * sampled) / Math.max(1, rows))
  const key = keyOf(order)
  const found = await select<{ key: KeyValues }>(
    client,
    order,
    `SELECT key FROM (
       SELECT ${asText(order)} AS key, pg_catalog.row_number() OVER (ORDER BY ${key}) AS place, pg_catalog.count(*) OVER () AS many
       FROM ${from(order)} TABLESAMPLE SYSTEM (${percent})
     ) sample
     WHERE place IN (SELECT pg_catalog.ceil(many * part / ${parts}.0) FROM pg_catalog.generate_series(1, ${parts - 1}) part)
     ORDER BY place`,
  )
  return found.map(({ key: cut }) => cut)
}

function asText({ walk, columns }: Pick<KeyOrder, 'walk' | 'columns'>): string {
  const values = columns.map(({ name }) => `pg_catalog.format('%s', ${quote(walk.as)}.${quote(name)})`)
  return `ARRAY[${values.join(', ')}]`
}

async function select<Row>(client: ClientBase, { limits }: KeyOrder, query: string): Promise<Row[]> {
  return selectWith(client, `${limits}; ${unmistakable}`, query)
}

/**
 * Reads under settings that are local to a transaction: several statements in one request are one transaction, so they end
 * with it. Inside of a transaction they last until its end.
 */
export async function selectWith<Row>(client: ClientBase, settings: string, query: string): Promise<Row[]> {
  const results = (await client.query(`${settings}; ${query}`)) as unknown as { rows: Row[] }[]
  return results.at(-1)?.rows ?? []
}

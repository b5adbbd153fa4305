import type { Client } from 'pg'
import { escapeLiteral as literal } from 'pg'
import { qualified, quote } from '../../src/postgres/identifiers.ts'
import type { MadeUp, ValueSource } from './madeUpValues.ts'
import { makeUpValue } from './madeUpValues.ts'
import { seededRandom } from './seededRandom.ts'
import { readSpokenValues } from './spokenValues.ts'
import type { ForeignKey, TableToFill } from './tablesToFill.ts'
import { listTablesToFill } from './tablesToFill.ts'

export interface FillOptions {
  /** Uuids of the people who will ask: they own rows, are members, and are mentioned wherever somebody can be. */
  people: string[]
  /** Another seed makes other rows; the same one the same. */
  seed?: number
  /** Rows for each table; 10 by default. */
  rows?: number
}

/** What was put in. */
export interface Filled {
  tables: number
  rows: number
  /** Rows that no try could get past the constraints, by table, with the last error. */
  skipped: Map<string, { rows: number; reason: string }>
}

/** How often a row is made up anew before it is given up. */
const mostAttempts = 8

/** A row as JSON. */
type Row = Record<string, unknown>

/**
 * Fills every table of the database with made-up rows that point to each other. Values are few and the same
 * everywhere, so that comparisons are met: ids are those of the people, text is what policies and functions compare
 * with. Triggers do not fire. Rows that are there already are kept, and pointed to as well.
 *
 * ```ts
 * const filled = await fillSchema(superuser, { people: users.map(({ id }) => id) })
 * ```
 */
export async function fillSchema(superuser: Client, options: FillOptions): Promise<Filled> {
  const tables = await listTablesToFill(superuser)
  const source: ValueSource = {
    random: seededRandom(options.seed ?? 1),
    people: options.people,
    spoken: await readSpokenValues(superuser),
    namesOfReferences: (table, column) =>
      tables.flatMap(({ foreignKeys }) =>
        foreignKeys.flatMap(({ columns, references, referenced }) =>
          references === table.oid ? columns.filter((_, at) => referenced[at] === column.name) : [],
        ),
      ),
  }
  const filled: Filled = { tables: tables.length, rows: 0, skipped: new Map() }
  const present = new Map<number, Row[]>()
  await superuser.query(`SET session_replication_role = replica`)
  try {
    for (const table of tables) present.set(table.oid, await rowsOf(superuser, table))
    for (const table of inOrder(tables)) {
      await fillTable(superuser, table, { source, present, filled, rows: options.rows ?? 10 })
    }
    for (const table of tables) await pointBack(superuser, table, present, source)
  } finally {
    await superuser.query(`RESET session_replication_role`)
  }
  await refreshViews(superuser)
  return filled
}

async function rowsOf(client: Client, table: TableToFill): Promise<Row[]> {
  const { rows } = await client.query<{ row: Row }>(
    `SELECT to_jsonb(t) AS row FROM ${qualified(table)} t ORDER BY t::text COLLATE "C" LIMIT 50`,
  )
  return rows.map(({ row }) => row)
}

/** Referenced tables first; where they form a ring, the one that needs the fewest of the others. */
function inOrder(tables: TableToFill[]): TableToFill[] {
  const open = new Set(tables)
  const order: TableToFill[] = []
  const needs = (table: TableToFill) =>
    table.foreignKeys
      .filter(({ references }) => references !== table.oid && isIn(open, references))
      .reduce((sum, key) => sum + (isOptional(table, key) ? 1 : 100), 0)
  while (open.size > 0) {
    const [next] = [...open].sort((one, other) => needs(one) - needs(other))
    if (!next) break
    open.delete(next)
    order.push(next)
  }
  return order
}

function isIn(tables: Set<TableToFill>, oid: number): boolean {
  return [...tables].some((table) => table.oid === oid)
}

function isOptional(table: TableToFill, key: ForeignKey): boolean {
  return table.columns.some(({ name, isRequired }) => key.columns.includes(name) && !isRequired)
}

interface Work {
  source: ValueSource
  present: Map<number, Row[]>
  filled: Filled
  rows: number
}

async function fillTable(client: Client, table: TableToFill, work: Work): Promise<void> {
  for (let row = 0; row < work.rows; row += 1) {
    let reason = ''
    let inserted: Row | undefined
    for (let attempt = 0; attempt < mostAttempts && inserted === undefined; attempt += 1) {
      try {
        inserted = await insert(client, table, makeUpRow(table, row, attempt, work))
      } catch (error) {
        reason = (error as Error).message
      }
    }
    if (inserted) {
      work.present.get(table.oid)?.push(inserted)
      work.filled.rows += 1
    } else {
      const before = work.filled.skipped.get(qualified(table))?.rows ?? 0
      work.filled.skipped.set(qualified(table), { rows: before + 1, reason })
    }
  }
}

function makeUpRow(table: TableToFill, row: number, attempt: number, work: Work): Map<string, MadeUp> {
  const values = new Map<string, MadeUp>()
  for (const key of table.foreignKeys) pointTo(table, key, values, row + attempt, work)
  for (const column of table.columns) {
    if (values.has(column.name)) continue
    values.set(column.name, makeUpValue({ table, column, row, attempt }, work.source))
  }
  return values
}

/** Takes a row of the referenced table, one that agrees with what other foreign keys of the row said already. */
function pointTo(
  table: TableToFill,
  { columns, references, referenced }: ForeignKey,
  values: Map<string, MadeUp>,
  turn: number,
  { source, present }: Work,
): void {
  const open = columns.filter((name) => !values.has(name))
  if (open.length === 0) return
  const all = present.get(references) ?? []
  const mine = present.get(table.oid) ?? []
  const isTaken = (name: string, value: unknown) =>
    table.columns.some((column) => column.name === name && column.isUnique) &&
    mine.some((row) => asText(row[name]) === asText(value))
  const agreeing = all.filter((each) =>
    columns.every((name, at) => {
      const value = each[referenced[at] ?? '']
      return values.has(name) ? values.get(name) === asText(value) : !isTaken(name, value)
    }),
  )
  const mayBeNull = open.every((name) =>
    table.columns.some((column) => column.name === name && !column.isRequired),
  )
  // In turn for the first ones, so that a key that is unique too is used up in order.
  const target = source.random.chance(0.5) ? agreeing[turn % agreeing.length] : source.random.pick(agreeing)
  if (!target || (mayBeNull && source.random.chance(0.15))) {
    // Without a row to point to, a key that may not be NULL is made up: rows to come are likely to have it.
    if (mayBeNull) for (const name of open) values.set(name, null)
    return
  }
  for (const [at, name] of columns.entries()) values.set(name, asText(target[referenced[at] ?? '']))
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}

async function insert(
  client: Client,
  table: TableToFill,
  values: Map<string, MadeUp>,
): Promise<Row | undefined> {
  const given = table.columns.filter(({ name }) => values.get(name) !== undefined)
  const list = given.map(({ name }) => quote(name)).join(', ')
  const sources = given.map(({ name, type }) => asSql(values.get(name) ?? null, type)).join(', ')
  const { rows } = await client.query<{ row: Row }>(
    given.length === 0
      ? `INSERT INTO ${qualified(table)} AS t DEFAULT VALUES RETURNING to_jsonb(t) AS row`
      : `INSERT INTO ${qualified(table)} AS t (${list}) OVERRIDING SYSTEM VALUE VALUES (${sources}) RETURNING to_jsonb(t) AS row`,
  )
  return rows[0]?.row
}

function asSql(value: string | null, type: string): string {
  return value === null ? 'NULL' : `${literal(value)}::${type}`
}

/** Fills in what pointed to a table that had no rows yet. */
async function pointBack(
  client: Client,
  table: TableToFill,
  present: Map<number, Row[]>,
  { random }: ValueSource,
): Promise<void> {
  for (const { columns, references, referenced } of table.foreignKeys) {
    const targets = present.get(references) ?? []
    const mine = present.get(table.oid) ?? []
    if (targets.length === 0 || mine.length === 0) continue
    if (!mine.every((row) => columns.every((name) => row[name] === null))) continue
    const all = columns.map((name) => table.columns.find((column) => column.name === name))
    const { rows } = await client.query<{ ctid: string; leaf: string }>(
      `SELECT ctid::text, tableoid::regclass::text AS leaf FROM ${qualified(table)} t ORDER BY t::text COLLATE "C" LIMIT 50`,
    )
    for (const { ctid, leaf } of rows) {
      const target = random.pick(targets)
      if (!target || random.chance(0.3)) continue
      const sets = columns.map((name, at) => {
        const value = asSql(asText(target[referenced[at] ?? '']), all[at]?.type ?? 'text')
        return `${quote(name)} = ${value}`
      })
      await client
        .query(
          `UPDATE ${qualified(table)} SET ${sets.join(', ')} WHERE ctid = '${ctid}' AND tableoid = ${literal(leaf)}::regclass`,
        )
        // Then it stays NULL.
        .catch(() => undefined)
    }
  }
}

async function refreshViews(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'm' AND n.nspname !~ '^pg_' ORDER BY c.oid`,
  )
  // One that cannot be refreshed stays as it is.
  for (const { name } of rows) await client.query(`REFRESH MATERIALIZED VIEW ${name}`).catch(() => undefined)
}

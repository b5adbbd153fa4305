import type { Client } from 'pg'
import { escapeLiteral as literal } from 'pg'
import type { RelationName } from '../../src/postgres/identifiers.ts'
import { qualified, quote } from '../../src/postgres/identifiers.ts'

/** Who sends the commands: a role, its claims, and what else the application sets for the session. */
export interface Identity {
  role: string
  claims?: Record<string, unknown>
  settings?: Record<string, string>
  /** SQL that the role runs before each command, such as making a temporary table. */
  prepares?: string
}

/**
 * What row-level security lets an identity do with a table, by running the commands. One entry per command:
 * the rows that were seen or touched, or the error; and for every candidate row that is inserted or written
 * over another row, whether it is let in.
 */
export type Effects = Record<string, string>

/** How many rows are offered one by one to INSERT and UPDATE. */
const candidates = 24

export interface EffectOptions {
  /** Rows as JSON to offer to INSERT in place of those of the table, for one that is empty. */
  offered?: string[]
  /** Foreign keys are not asked and triggers do not fire, so that nothing but policies speaks. */
  withoutTriggers?: boolean
  /** How long one command may take; 10 s by default. */
  timeoutMs?: number
}

/**
 * Runs SELECT, SELECT FOR UPDATE, UPDATE and DELETE of all rows, and INSERT and UPDATE of candidate rows, as the
 * identity; everything is rolled back. `superuser` sees all rows and may act as any role. Rows that a command
 * touched are recognised without RETURNING, which would ask the policies for SELECT as well: an updated row
 * has this transaction as its `xmin`, a deleted one is no longer there.
 */
export async function effectsOn(
  superuser: Client,
  table: RelationName,
  identity: Identity,
  options: EffectOptions = {},
): Promise<Effects> {
  const name = qualified(table)
  const shape = await shapeOf(superuser, table, options.offered)
  const all = (where = 'true') =>
    `SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '') AS found FROM ${name} t WHERE ${where}`
  const first = quote(shape.updatable[0] ?? '')
  const last = quote(shape.updatable.at(-1) ?? '')
  const touched = all('xmin = pg_current_xact_id()::xid')
  const effects: Effects = {}
  const commands: [string, string, string | undefined][] = [
    ['select', all(), undefined],
    [
      'select for update',
      `SELECT count(*)::text AS found FROM (SELECT FROM ${name} FOR UPDATE) t`,
      undefined,
    ],
    ['update', `UPDATE ${name} SET ${first} = ${first}`, touched],
    ['update blindly', `UPDATE ${name} SET ${last} = ${valueOf(name, last, shape)}`, touched],
    ['delete', `DELETE FROM ${name}`, all()],
    ['insert each', offer(insertCandidate(name, shape), name), outcomes],
    ['update each', offer(updateCandidate(name, shape), name), outcomes],
  ]
  for (const [command, statement, look] of commands) {
    effects[command] = await asIdentity(superuser, identity, { statement, look, ...options })
  }
  return effects
}

/** Rows of a table as JSON, to be offered to another one of the same columns. */
export async function rowsToOffer(superuser: Client, table: RelationName): Promise<string[]> {
  return (await readShape(superuser, qualified(table))).rows.map(({ row }) => row)
}

async function asIdentity(
  client: Client,
  identity: Identity,
  command: { statement: string; look: string | undefined } & EffectOptions,
): Promise<string> {
  const { statement, look, withoutTriggers, timeoutMs = 10_000 } = command
  const settings = [
    ['search_path', await searchPathOf(client, identity.role)],
    ['statement_timeout', String(timeoutMs)],
    ...(withoutTriggers ? [['session_replication_role', 'replica']] : []),
    ...claimSettings(identity.claims),
    ...Object.entries(identity.settings ?? {}),
  ]
  const begin = [
    'BEGIN',
    ...settings.map(
      ([name = '', value = '']) => `SELECT set_config(${literal(name)}, ${literal(value)}, true)`,
    ),
    `SET LOCAL ROLE ${quote(identity.role)}`,
    ...(identity.prepares ? [identity.prepares] : []),
  ]
  try {
    const found = await lastOf(client, [...begin, statement])
    return look === undefined ? found : await lastOf(client, ['RESET ROLE', look])
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  } finally {
    await client.query('ROLLBACK')
  }
}

/** All claims in one setting, as PostgREST does it, and each in a setting of its own, as it did before version 9. */
function claimSettings(claims: Record<string, unknown> | undefined): [string, string][] {
  if (!claims) return []
  const single = Object.entries(claims).flatMap(([name, value]): [string, string][] =>
    /^\w+$/.test(name)
      ? [[`request.jwt.claim.${name}`, typeof value === 'string' ? value : JSON.stringify(value)]]
      : [],
  )
  return [['request.jwt.claims', JSON.stringify(claims)], ...single]
}

const searchPaths = new WeakMap<Client, Map<string, string>>()

/** What a session of the role begins with: set for the role in this database, for the role, for the database, for all. */
async function searchPathOf(client: Client, role: string): Promise<string> {
  const known = searchPaths.get(client) ?? new Map<string, string>()
  searchPaths.set(client, known)
  const { rows } = known.has(role)
    ? { rows: [] }
    : await client.query<{ path: string }>(
        `SELECT coalesce((
           SELECT substr(setting, length('search_path=') + 1)
           FROM pg_db_role_setting s, unnest(s.setconfig) setting
           WHERE setting LIKE 'search\\_path=%'
             AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
             AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
           ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1
         ), (SELECT reset_val FROM pg_settings WHERE name = 'search_path')) AS path`,
        [role],
      )
  const path = known.get(role) ?? rows[0]?.path ?? '"$user", public'
  known.set(role, path)
  return path
}

/** Runs the statements in one message; what the last of them found. */
async function lastOf(client: Client, statements: string[]): Promise<string> {
  const results = (await client.query(statements.join(';\n'))) as unknown as { rows: { found?: string }[] }[]
  return results.at(-1)?.rows[0]?.found ?? ''
}

/** The table's columns that can be written, and rows of it to offer, as JSON. */
interface Shape {
  columns: string[]
  /** Not those that only the server numbers. */
  updatable: string[]
  rows: { ctid: string; leaf: string; row: string }[]
  /** What is offered to INSERT. */
  offered: string[]
}

const shapes = new WeakMap<Client, Map<string, Promise<Shape>>>()

/** Read once per session: the candidates must be the same before and after. */
async function shapeOf(client: Client, table: RelationName, offered?: string[]): Promise<Shape> {
  const known = shapes.get(client) ?? new Map<string, Promise<Shape>>()
  shapes.set(client, known)
  const name = qualified(table)
  const shape = known.get(name) ?? readShape(client, name)
  known.set(name, shape)
  return offered ? { ...(await shape), offered } : shape
}

async function readShape(client: Client, name: string): Promise<Shape> {
  const columns = await client.query<{ attname: string; isNumbered: boolean }>(
    `SELECT attname::text, attidentity = 'a' AS "isNumbered" FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [name],
  )
  const rows = await client.query<{ ctid: string; leaf: string; row: string }>(
    `SELECT ctid::text, tableoid::regclass::text AS leaf, to_jsonb(t)::text AS row FROM ${name} t
     ORDER BY md5(t::text) LIMIT ${candidates}`,
  )
  return {
    columns: columns.rows.map(({ attname }) => attname),
    updatable: columns.rows.flatMap(({ attname, isNumbered }) => (isNumbered ? [] : [attname])),
    rows: rows.rows,
    offered: rows.rows.map(({ row }) => row),
  }
}

/** Whether the row is let in: what is not refused by a policy (42501) is, even where a key forbids it later. */
function insertCandidate(name: string, { columns, offered }: Shape): string[] {
  const list = columns.map(quote).join(', ')
  return [
    ...offered,
    ...columns.slice(1).map((column) => JSON.stringify({ ...parse(offered[0]), [column]: null })),
  ].map(
    (row) =>
      `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM jsonb_populate_record(NULL::${name}, ${literal(row)})`,
  )
}

/** Each row is written over with what another one holds, but for the first column, its key. */
function updateCandidate(name: string, { updatable, rows }: Shape): string[] {
  const [, ...others] = updatable
  if (others.length === 0) return []
  const list = others.map(quote).join(', ')
  return rows.map(({ ctid, leaf }, at) => {
    const other = rows[(at + 5) % rows.length]?.row ?? '{}'
    return `UPDATE ${name} SET (${list}) = (SELECT ${list} FROM jsonb_populate_record(NULL::${name}, ${literal(other)}))
      WHERE ctid = '${ctid}' AND tableoid = ${literal(leaf)}::regclass`
  })
}

/** What the first candidate has in the column, without reading the table: no SELECT policy is asked then. */
function valueOf(name: string, column: string, { offered }: Shape): string {
  return `(SELECT ${column} FROM jsonb_populate_record(NULL::${name}, ${literal(offered[0] ?? '{}')}))`
}

function parse(row = '{}'): Record<string, unknown> {
  return JSON.parse(row) as Record<string, unknown>
}

const outcomes = `SELECT current_setting('effects.outcomes') AS found`

/** One block that tries every statement by itself and takes it back: `1` row touched, `0`, or the error's code. */
function offer(statements: string[], name: string): string {
  return `DO $offer$
    DECLARE statement text; touched int; outcomes text := ${literal(`${name}:`)};
    BEGIN
      FOREACH statement IN ARRAY ARRAY[${statements.map(literal).join(', ')}]::text[] LOOP
        BEGIN
          EXECUTE statement;
          GET DIAGNOSTICS touched = ROW_COUNT;
          RAISE EXCEPTION USING ERRCODE = 'HF000', MESSAGE = touched::text;
        EXCEPTION
          WHEN SQLSTATE 'HF000' THEN outcomes := outcomes || ' ' || SQLERRM;
          -- No partition takes the row: it was refused before any policy was asked.
          WHEN check_violation THEN
            outcomes := outcomes || CASE WHEN SQLERRM LIKE 'no partition of relation%' THEN ' 0' ELSE ' 23514' END;
          WHEN OTHERS THEN outcomes := outcomes || ' ' || SQLSTATE;
        END;
      END LOOP;
      PERFORM set_config('effects.outcomes', outcomes, true);
    END $offer$`
}

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
const mostCandidates = 24

export interface EffectOptions {
  /** Foreign keys are not asked and triggers do not fire, so that nothing but policies speaks. */
  withoutTriggers?: boolean
  /** How long one command may take; 10 s by default. */
  timeoutMs?: number
}

/** The commands on a table and rows of it to offer, as JSON: the same for everybody who asks. */
export interface Target {
  commands: Record<string, Command>
  /** What is offered to INSERT. */
  offered: string[]
}

/** Statements of PL/pgSQL that run a command and put what came of it into `found`. */
type Command = string

/** What PostgreSQL says of a table, and some of its rows. */
interface Shape {
  /** Its name as SQL. */
  table: string
  columns: string[]
  /** Not those that only the server numbers. */
  updatable: string[]
  rows: { ctid: string; tableoid: string; row: string }[]
  offered: string[]
}

/**
 * Prepares SELECT, SELECT FOR UPDATE, UPDATE and DELETE of all rows, and INSERT and UPDATE of candidate rows, for
 * `effectsOn`. Rows that a command touched are recognised without RETURNING, which would ask the policies for SELECT as
 * well: an updated row is as young as this transaction, a deleted one is no longer there.
 *
 * @param superuser sees all rows
 * @param offered rows as JSON to offer to INSERT in place of those of the table, for one that is empty
 */
export async function readTarget(
  superuser: Client,
  table: RelationName,
  offered?: string[],
): Promise<Target> {
  const shape = await readShape(superuser, qualified(table), offered)
  const { table: name, updatable } = shape
  const all = (where = 'true') =>
    `SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '') FROM ${name} t WHERE ${where}`
  const touched = all('age(xmin) <= 0')
  const first = quote(updatable[0] ?? '')
  const last = quote(updatable.at(-1) ?? '')
  return {
    offered: shape.offered,
    commands: {
      select: tryAll(all()),
      'select for update': tryAll(`SELECT count(*)::text FROM (SELECT FROM ${name} FOR UPDATE) t`),
      update: tryAll(`UPDATE ${name} SET ${first} = ${first}`, touched),
      'update blindly': tryAll(`UPDATE ${name} SET ${last} = ${valueOf(last, shape)}`, touched),
      delete: tryAll(`DELETE FROM ${name}`, all()),
      'insert each': insertEach(shape),
      'update each': updateEach(shape),
    },
  }
}

/** Runs the commands as the identity; everything is rolled back. `superuser` may act as any role. */
export async function effectsOn(
  superuser: Client,
  { commands }: Target,
  identity: Identity,
  options: EffectOptions = {},
): Promise<Effects> {
  const all = Object.entries(commands)
  const together = await runAs(superuser, identity, Object.values(commands), options).catch(() => undefined)
  const effects: Effects = {}
  for (const [at, [name, command]] of all.entries()) {
    // Where something ended all of them, such as the time limit, it is found out one by one what it was.
    effects[name] = together?.[at] ?? (await effectOf(superuser, identity, command, options))
  }
  return effects
}

async function effectOf(
  superuser: Client,
  identity: Identity,
  command: Command,
  options: EffectOptions,
): Promise<string> {
  try {
    return (await runAs(superuser, identity, [command], options))[0] ?? ''
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  }
}

/**
 * Runs the commands in one transaction and one message, each in a subtransaction that is taken back: what each of them
 * found, or its error.
 *
 * @throws what ends the whole transaction, such as the time limit
 */
async function runAs(
  client: Client,
  identity: Identity,
  commands: Command[],
  { withoutTriggers, timeoutMs = 10_000 }: EffectOptions,
): Promise<string[]> {
  const searchPath = await searchPathOf(client, identity.role)
  const settings = [
    ...(searchPath === undefined ? [] : [['search_path', searchPath]]),
    ['statement_timeout', String(timeoutMs)],
    ...(withoutTriggers ? [['session_replication_role', 'replica']] : []),
    ...claimSettings(identity.claims),
    ...Object.entries(identity.settings ?? {}),
  ]
  const set = settings.map(
    ([name = '', value = '']) => `set_config(${literal(name)}, ${literal(value)}, true)`,
  )
  try {
    const results = await client.query(
      `BEGIN;
       SET LOCAL search_path TO DEFAULT;
       SELECT ${set.join(', ')};
       DO $block$ ${blockOf(identity, commands)} $block$;
       SELECT current_setting('effects.found')::json AS found`,
    )
    return (results as unknown as { rows: { found: string[] }[] }[]).at(-1)?.rows[0]?.found ?? []
  } finally {
    await client.query('ROLLBACK')
  }
}

/** Writes what each command found into the setting `effects.found`, as JSON. */
function blockOf({ role, prepares }: Identity, commands: Command[]): string {
  const attempts = commands.map(
    (command) => `
      BEGIN
        SET LOCAL ROLE ${quote(role)};
        ${prepares === undefined ? '' : `EXECUTE ${literal(prepares)};`}
        ${command}
        RAISE EXCEPTION USING ERRCODE = 'HF000';
      EXCEPTION
        WHEN SQLSTATE 'HF000' THEN effects := effects || found;
        WHEN OTHERS OR assert_failure THEN effects := effects || (SQLSTATE || ': ' || SQLERRM);
      END;`,
  )
  return `
    #variable_conflict use_column
    DECLARE
      effects text[] := '{}'; found text; touched bigint;
      ${candidate.row} jsonb; ${candidate.ctid} tid; ${candidate.tableoid} oid;
    BEGIN ${attempts.join('')}
      PERFORM set_config('effects.found', to_json(effects)::text, true);
    END`
}

/** Variables that stand for a candidate in its statement, called as no column is. */
const candidate = { row: '"the row"', ctid: '"its ctid"', tableoid: '"its tableoid"' }

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

const searchPaths = new WeakMap<Client, Map<string, string | undefined>>()

/** What a session of the role begins with, where it is set for the role or the database; else the server's own. */
async function searchPathOf(client: Client, role: string): Promise<string | undefined> {
  const known = searchPaths.get(client) ?? new Map<string, string | undefined>()
  searchPaths.set(client, known)
  if (!known.has(role)) {
    const { rows } = await client.query<{ path: string }>(
      `SELECT substr(setting, length('search_path=') + 1) AS path
       FROM pg_db_role_setting s, unnest(s.setconfig) setting
       WHERE setting LIKE 'search\\_path=%'
         AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
         AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
       ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1`,
      [role],
    )
    known.set(role, rows[0]?.path)
  }
  return known.get(role)
}

function tryAll(statement: string, look?: string): Command {
  if (look === undefined) return `EXECUTE ${literal(statement)} INTO found;`
  return `EXECUTE ${literal(statement)}; RESET ROLE; EXECUTE ${literal(look)} INTO found;`
}

/** Whether the row is let in: what is not refused by a policy (42501) is, even where a key forbids it later. */
function insertEach({ table, columns, offered }: Shape): Command {
  const list = columns.map(quote).join(', ')
  const withNulls = columns.slice(1).map((column) => JSON.stringify({ ...parse(offered[0]), [column]: null }))
  return tryEach(
    table,
    `INSERT INTO ${table} (${list}) OVERRIDING SYSTEM VALUE
     SELECT ${list} FROM jsonb_populate_record(NULL::${table}, ${candidate.row})`,
    [[...offered, ...withNulls], [], []],
  )
}

/** Each row is written over with what another one holds, but for the first column, its key. */
function updateEach({ table, updatable, rows }: Shape): Command {
  const [, ...others] = updatable
  if (others.length === 0) return `found := ${literal(`${table}:`)};`
  const list = others.map(quote).join(', ')
  return tryEach(
    table,
    `UPDATE ${table} SET (${list}) = (SELECT ${list} FROM jsonb_populate_record(NULL::${table}, ${candidate.row}))
     WHERE ctid = ${candidate.ctid} AND tableoid = ${candidate.tableoid}`,
    [
      rows.map((_, at) => rows[(at + 5) % rows.length]?.row ?? '{}'),
      rows.map(({ ctid }) => ctid),
      rows.map(({ tableoid }) => tableoid),
    ],
  )
}

/**
 * Runs a statement for each candidate and takes it back: `1` row touched, `0`, or the error's code. It is no text for
 * EXECUTE, so that PL/pgSQL keeps its plan.
 */
function tryEach(
  table: string,
  statement: string,
  [rows, ctids, tableoids]: [string[], string[], string[]],
): Command {
  const array = (values: string[], type: string) => `ARRAY[${values.map(literal).join(', ')}]::${type}[]`
  const all = [array(rows, 'jsonb'), array(ctids, 'tid'), array(tableoids, 'oid')]
  return `
    found := ${literal(`${table}:`)};
    FOR ${Object.values(candidate).join(', ')} IN SELECT * FROM unnest(${all.join(', ')}) LOOP
      BEGIN
        ${statement};
        GET DIAGNOSTICS touched = ROW_COUNT;
        RAISE EXCEPTION USING ERRCODE = 'HF000';
      EXCEPTION
        WHEN SQLSTATE 'HF000' THEN found := found || ' ' || touched;
        -- No partition takes the row: it was refused before any policy was asked.
        WHEN check_violation THEN
          found := found || CASE WHEN SQLERRM LIKE 'no partition of relation%' THEN ' 0' ELSE ' 23514' END;
        WHEN OTHERS THEN found := found || ' ' || SQLSTATE;
      END;
    END LOOP;`
}

async function readShape(superuser: Client, table: string, offered?: string[]): Promise<Shape> {
  const columns = await superuser.query<{ attname: string; isNumbered: boolean }>(
    `SELECT attname::text, attidentity = 'a' AS "isNumbered" FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [table],
  )
  const { rows } = await superuser.query<{ ctid: string; tableoid: string; row: string }>(
    `SELECT ctid::text, tableoid::text, to_jsonb(t)::text AS row FROM ${table} t
     ORDER BY md5(t::text) LIMIT ${mostCandidates}`,
  )
  return {
    table,
    columns: columns.rows.map(({ attname }) => attname),
    updatable: columns.rows.flatMap(({ attname, isNumbered }) => (isNumbered ? [] : [attname])),
    rows,
    offered: offered ?? rows.map(({ row }) => row),
  }
}

/** What the first candidate has in the column, without reading the table: no SELECT policy is asked then. */
function valueOf(column: string, { table, offered }: Shape): string {
  return `(SELECT ${column} FROM jsonb_populate_record(NULL::${table}, ${literal(offered[0] ?? '{}')}))`
}

function parse(row = '{}'): Record<string, unknown> {
  return JSON.parse(row) as Record<string, unknown>
}

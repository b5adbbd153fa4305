import type { Client } from 'pg'
import type { RelationName } from '../../src/postgres/identifiers.ts'
import { display, qualified } from '../../src/postgres/identifiers.ts'
import type { Identity, Target } from './effects.ts'
import { effectsOn, readTarget } from './effects.ts'

/** What each identity can do with each table, by command: `public.notes, stranger, select` -> what came of it. */
export type EffectCells = Map<string, string>

/** One cell before and after. */
export interface DifferentCell {
  cell: string
  kind: Difference
  before: string
  after: string
}

/**
 * `rows`: others than before. `new error`: it worked before. `let in`: it was an error before, and now something is
 * let in. `error for nothing`: nothing was let in before, and now an error says so. `refused`: nothing is let in, as
 * before, but another error says so, or none.
 */
export type Difference = (typeof differences)[number]
const differences = ['rows', 'new error', 'let in', 'error for nothing', 'refused'] as const

/**
 * What all identities can do with every table that has row-level security; nothing but policies speaks, since
 * triggers and foreign keys are off.
 *
 * @param connect opens a session as superuser. Each identity has one of its own: a setting that one of them had
 *   would be there for the next one, as empty text.
 * @param offered rows to offer to INSERT by table, for tables that are empty; see `rowsOfAll`
 */
export async function effectsOnAll(
  connect: () => Promise<Client>,
  identities: Record<string, Identity>,
  offered: ReadonlyMap<string, string[]> = new Map(),
): Promise<EffectCells> {
  const cells: EffectCells = new Map()
  const looker = await connect()
  const tables = await listGuardedTables(looker)
  for (const table of tables) cells.set(`${display(table)}, all rows`, await allRows(looker, table))
  const targets = new Map<string, Target>()
  for (const table of tables) {
    const name = display(table)
    targets.set(name, await readTarget(looker, table, offered.get(name)))
  }
  await looker.end()
  for (const [label, identity] of Object.entries(identities)) {
    const session = await connect()
    for (const [table, target] of targets) {
      const effects = await effectsOn(session, target, identity, { withoutTriggers: true })
      for (const [command, effect] of Object.entries(effects)) {
        cells.set(`${table}, ${label}, ${command}`, effect)
      }
    }
    await session.end()
  }
  return cells
}

/** Rows of every table with row-level security, to be offered to the same tables in an empty database. */
export async function rowsOfAll(superuser: Client): Promise<Map<string, string[]>> {
  const rows = new Map<string, string[]>()
  for (const table of await listGuardedTables(superuser)) {
    rows.set(display(table), (await readTarget(superuser, table)).offered)
  }
  return rows
}

/** The cells that are not the same. What ran out of time on one side says nothing. */
export function differentCells(before: EffectCells, after: EffectCells): DifferentCell[] {
  return [...before].flatMap(([cell, was]): DifferentCell[] => {
    const is = after.get(cell) ?? '42P01: no such table'
    if (was === is || isTimeout(was) || isTimeout(is)) return []
    const [table = ''] = cell.split(', ')
    const untouched = cell.endsWith(', delete') ? (before.get(`${table}, all rows`) ?? '') : ''
    return [{ cell, kind: differenceOf(cell, was, is, untouched), before: was, after: is }]
  })
}

function differenceOf(cell: string, was: string, is: string, untouched: string): Difference {
  const isOfferedOneByOne = / each$/.test(cell) && !isError(was) && !isError(is)
  if (!isOfferedOneByOne) return differenceOfOne(was, is, ['', '0', untouched])
  const others = is.split(' ')
  const kinds = was.split(' ').flatMap((outcome, at) => {
    const other = others[at] ?? ''
    return outcome === other ? [] : [differenceOfOne(outcome, other, ['0', '42501'])]
  })
  return differences.find((kind) => kinds.includes(kind)) ?? 'refused'
}

function differenceOfOne(was: string, is: string, nothing: string[]): Difference {
  if (nothing.includes(was))
    return nothing.includes(is) ? 'refused' : isError(is) ? 'error for nothing' : 'rows'
  if (isError(was)) return nothing.includes(is) || isError(is) ? 'refused' : 'let in'
  return isError(is) ? 'new error' : 'rows'
}

/** What a constraint refuses (class 23), the policies had let in. */
function isError(effect: string): boolean {
  return /^(?!23)[0-9A-Z]{5}(: |$)/.test(effect)
}

function isTimeout(effect: string): boolean {
  return effect.startsWith('57014: ')
}

async function allRows(client: Client, table: RelationName): Promise<string> {
  const { rows } = await client.query<{ found: string }>(
    `SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '') AS found FROM ${qualified(table)} t`,
  )
  return rows[0]?.found ?? ''
}

async function listGuardedTables(client: Client): Promise<RelationName[]> {
  const { rows } = await client.query<RelationName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND (c.relrowsecurity OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
       AND n.nspname NOT IN ('hundredfold', 'pg_catalog')
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
  )
  return rows
}

import type { ClientBase } from 'pg'
import { byTable } from '../../catalog/byTable.ts'
import type { Column } from '../../catalog/columns.ts'
import { listColumns } from '../../catalog/columns.ts'
import { listPolicies } from '../../catalog/policies.ts'
import type { Relation } from '../../catalog/relations.ts'
import { listRelations } from '../../catalog/relations.ts'
import { findReader, listRoles } from '../../catalog/roles.ts'
import { usualSearchPath } from '../../catalog/settings.ts'
import type { TableAccess } from '../../catalog/tableAccess.ts'
import { listTableAccess } from '../../catalog/tableAccess.ts'
import { listUserSchemas } from '../../catalog/userSchemas.ts'
import { findWritableColumns } from '../../catalog/writableColumns.ts'
import { borrow } from '../../postgres/database.ts'
import { display } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import type { Look } from '../proof/actingAs.ts'
import { actingAs } from '../proof/actingAs.ts'
import { startClock } from '../proof/clock.ts'
import type { Carrier } from '../proof/comparisons.ts'
import { identityOf } from '../proof/identities.ts'
import type { AccessLine, AccessMatrix, Answer } from './matrix.ts'
import { accessCommands } from './matrix.ts'
import { pickRows, standingsOf } from './pickRows.ts'
import type { Ties } from './ties.ts'
import { readTies } from './ties.ts'
import { tryCommands } from './tryCommands.ts'

export interface TestPoliciesOptions {
  /** Every schema of the team's own where absent. */
  schemas?: string[]
  onTable?: (name: string, at: number, of: number) => void
  signal?: AbortSignal
}

/** A table takes this long at most, in milliseconds. */
const mostMs = 60_000

/**
 * Tries who may do what: for each table with row-level security, each role that can reach it, and a row of one's own, of a
 * colleague and of a stranger, it runs a SELECT, an INSERT of the same row, an UPDATE that changes nothing and a DELETE.
 * All of it happens in one transaction that is rolled back, each statement under a savepoint of its own.
 *
 * Triggers fire, and are taken back too; what one of them does outside of the database is not.
 */
export async function testPolicies(
  client: ClientBase,
  { schemas, onTable, signal }: TestPoliciesOptions = {},
): Promise<AccessMatrix> {
  const db = borrow(client)
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  try {
    await client.query(`SET LOCAL search_path = ''; SET LOCAL lock_timeout = '1s'`)
    const wanted = new Set(schemas ?? (await listUserSchemas(db)))
    const all = (await listRelations(db)).filter(({ kind }) => 'rp'.includes(kind))
    const tables = all.filter(({ schema, rowSecurity }) => rowSecurity && wanted.has(schema))
    const ties = await readTies(db, await listPolicies(db), all)
    const [columns, access] = [await listColumns(db), byTable(await listTableAccess(db))]
    const mayActAs = new Set((await listRoles(db)).flatMap((role) => (role.mayActAs ? role.name : [])))
    const searchPath = await usualSearchPath(db)
    const matrix: AccessMatrix = { lines: [], notes: [] }
    const barred = new Set<string>()
    for (const [at, table] of tables.entries()) {
      signal?.throwIfAborted()
      onTable?.(display(table), at + 1, tables.length)
      const reached = (access.get(table.oid) ?? []).filter(
        (each) => each.role !== 'public' && accessCommands.some((command) => each[command] !== null),
      )
      for (const { role } of reached) if (!mayActAs.has(role)) barred.add(role)
      const lines = await testTable({ db, searchPath, clock: startClock(mostMs) }, table, {
        ...{ ties, columns: columns.get(table.oid) ?? [] },
        access: reached.filter(({ role }) => mayActAs.has(role)),
      })
      matrix.lines.push(...lines)
    }
    if (barred.size > 0) matrix.notes.push(`This session may not act as ${shortList([...barred].sort())}.`)
    const empty = new Set(
      matrix.lines.flatMap(({ table, answers }) => (answers.select === 'no row' ? table : [])),
    )
    if (empty.size > 0) {
      matrix.notes.push(
        `Not every kind of row is there in ${shortList([...empty])}: with more rows, such as those of a seed, more is tried.`,
      )
    }
    return matrix
  } finally {
    await client.query('ROLLBACK')
  }
}

interface TableFacts {
  ties: Ties
  columns: Column[]
  access: TableAccess[]
}

async function testTable(
  look: Look,
  table: Relation,
  { ties, columns, access }: TableFacts,
): Promise<AccessLine[]> {
  const { db } = look
  const reader = await findReader(db, table)
  const pick = () => pickRows(db, table, columns, ties)
  const { person, rows } = await (reader === undefined
    ? pick()
    : actingAs(look, identityOf({ role: reader }), pick))
  const writable = await findWritableColumns(
    db,
    table.oid,
    access.map(({ role }) => role),
  )
  const lines: AccessLine[] = []
  for (const each of access) {
    const may = writable.get(each.role) ?? { role: each.role, insert: [], update: [] }
    for (const row of standingsOf(table, ties)) {
      for (const unknown of [false, true]) {
        const text = rows[row]
        // Who is nobody has no own rows and no colleagues: one row stands for all.
        if (unknown && row !== 'stranger' && row !== 'any') continue
        const identity = identityFor(each.role, unknown ? undefined : person, ties.carrier)
        const answers =
          text === undefined
            ? everywhere('no row')
            : await tryCommands(look, identity, { table, columns, row: text, access: each, writable: may })
        lines.push({ table: display(table), role: each.role, row, unknown, answers })
      }
    }
  }
  return lines
}

function everywhere(answer: Answer): AccessLine['answers'] {
  return { select: answer, insert: answer, update: answer, delete: answer }
}

/** A request of the role in which the person says who they are; without a person, one that says nothing. */
function identityFor(role: string, person: string | undefined, carrier: Carrier | undefined) {
  if (person === undefined || !carrier) return identityOf({ role })
  if (carrier.kind === 'setting') return identityOf({ role, settings: { [carrier.name]: person } })
  const claims: Record<string, unknown> = { role }
  let inner = claims
  for (const [at, step] of carrier.path.entries()) {
    if (at === carrier.path.length - 1) inner[step] = person
    else inner = (inner[step] ??= {}) as Record<string, unknown>
  }
  return identityOf({ role, claims })
}

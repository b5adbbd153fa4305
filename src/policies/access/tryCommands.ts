import { escapeLiteral } from 'pg'
import type { Column } from '../../catalog/columns.ts'
import type { TableAccess } from '../../catalog/tableAccess.ts'
import type { WritableColumns } from '../../catalog/writableColumns.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import { sql } from '../../postgres/sql.ts'
import { errorCode, isConnectionLost } from '../../postgres/sqlState.ts'
import type { Identity, Look } from '../proof/actingAs.ts'
import { actingAs } from '../proof/actingAs.ts'
import type { AccessCommand, Answer } from './matrix.ts'
import { accessCommands } from './matrix.ts'

/** What is tried, and on which row. */
export interface Tried {
  table: RelationName
  columns: readonly Column[]
  /** As text of the table's row type. */
  row: string
  access: TableAccess
  writable: WritableColumns
}

/** Milliseconds that one statement may take. */
const mostMs = 5_000

/** Runs each command on the row as the identity, and takes it back. */
export async function tryCommands(
  look: Look,
  identity: Identity,
  tried: Tried,
): Promise<Record<AccessCommand, Answer>> {
  const answers: [AccessCommand, Answer][] = []
  for (const command of accessCommands) {
    const statement = statementFor(command, tried)
    answers.push([command, statement === undefined ? 'no grant' : await answerOf(look, identity, statement)])
  }
  return Object.fromEntries(answers) as Record<AccessCommand, Answer>
}

/**
 * Undefined where the role has no privilege for it. What changes or deletes a row has to find it, so it needs SELECT too.
 *
 * ```sql
 * WITH tried AS (UPDATE public.notes AS row SET body = row.body WHERE row.id = ('(7,...)'::public.notes).id RETURNING 1) ...
 * INSERT INTO public.notes (id, body) SELECT row.id, row.body FROM (SELECT ('(7,...)'::public.notes).*) AS row
 * ```
 */
function statementFor(
  command: AccessCommand,
  { table, columns, row, access, writable }: Tried,
): string | undefined {
  if (access[command] === null) return undefined
  const on = qualified(table)
  const given = `(${escapeLiteral(row)}::${on})`
  if (command === 'insert') {
    const list = writable.insert.map(quote)
    if (list.length === 0) return undefined
    return `INSERT INTO ${on} (${list.join(', ')}) OVERRIDING SYSTEM VALUE
      SELECT ${list.map((name) => `given.${name}`).join(', ')} FROM (SELECT ${given}.*) AS given`
  }
  if (access.select === null) return undefined
  const keys = columns.filter(({ isKey }) => isKey)
  const found = (keys.length > 0 ? keys : columns)
    .map(({ name }) => `tried.${quote(name)} IS NOT DISTINCT FROM ${given}.${quote(name)}`)
    .join(' AND ')
  if (command === 'select') return `SELECT 1 FROM ${on} AS tried WHERE ${found} LIMIT 1`
  if (command === 'delete') return `DELETE FROM ${on} AS tried WHERE ${found} RETURNING 1`
  const isKey = (name: string): boolean => keys.some((key) => key.name === name)
  const column = writable.update.find((name) => !isKey(name)) ?? writable.update[0]
  if (column === undefined) return undefined
  return `UPDATE ${on} AS tried SET ${quote(column)} = tried.${quote(column)} WHERE ${found} RETURNING 1`
}

async function answerOf(look: Look, identity: Identity, statement: string): Promise<Answer> {
  const isInsert = statement.startsWith('INSERT')
  try {
    const { rows } = await actingAs(look, identity, () => sql.raw(statement).execute(look.db), mostMs)
    return isInsert || rows.length > 0 ? 'yes' : 'no'
  } catch (error) {
    const code = errorCode(error)
    if (isConnectionLost(error)) throw error
    // Policies and privileges both.
    if (code === '42501') return 'no'
    // Constraints are checked after the policies: these let the row through. Triggers may raise the same code before them.
    if (code?.startsWith('23') === true && !isInsideFunction(error)) return 'yes'
    return `error ${code ?? 'of time'}`
  }
}

/** A statement's own constraints have no context; what a trigger raises, or runs, has. */
function isInsideFunction(error: unknown): boolean {
  return error instanceof Error && 'where' in error && typeof error.where === 'string'
}

import type { PlannedStatement } from './plannedStatement.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import type { PlanNode } from '../postgres/explain.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { updatesIn } from '../syntax/updatedColumns.ts'

/** What a statement does to a table, in the time of the workload. */
export interface Use {
  table: RelationName
  /** Times that the table is planned for. */
  calls: number
  /** Rows that get a new version, with the columns that change; undefined where all of them do. */
  writes: { rows: number; columns: string[] | undefined }
}

/**
 * In the planner's units, of which one is some 5 µs where everything is in memory: an entry into a B-tree takes 10 to
 * 20 µs with its WAL, and each further index that a table has about 5 µs of each statement's planning.
 */
const perEntry = 4
const perPlanning = 1
/** An entry of as many bytes as this one takes twice as long: it is written to the page and to the WAL. */
const bytesOfEntry = 64

/** The tables of a plan, and what is written to them. */
export async function usesOf(statement: PlannedStatement, plan: PlanNode): Promise<Use[]> {
  const updates = (await updatesIn(statement.sql)) ?? []
  const uses = new Map<string, Use>()
  const visit = (node: PlanNode & { Operation?: string }): void => {
    const { Schema: schema, 'Relation Name': name } = node
    if (schema !== undefined && name !== undefined) {
      const key = JSON.stringify([schema, name])
      const use = uses.get(key) ?? {
        table: { schema, name },
        calls: statement.calls,
        writes: { rows: 0, columns: undefined },
      }
      uses.set(key, use)
      const rows = statement.calls * Math.max(1, node.Plans?.[0]?.['Plan Rows'] ?? 1)
      if (node.Operation === 'Insert') use.writes = { rows, columns: undefined }
      if (node.Operation === 'Update') {
        use.writes = { rows, columns: updates.find(({ table }) => table.name === name)?.columns }
      }
    }
    for (const child of node.Plans ?? []) visit(child)
  }
  visit(plan)
  return [...uses.values()]
}

/**
 * What an index costs those who write to its table or plan for it.
 *
 * @param others the indexes that stand beside it anyway
 * @param width of its keys and of what it carries along, in bytes
 */
export function upkeepOf(
  index: TableIndex,
  others: readonly TableIndex[],
  uses: readonly Use[],
  width: number,
): number {
  const beside = others.filter(({ oid, tableOid }) => oid !== index.oid && tableOid === index.tableOid)
  const entry = perEntry * (1 + width / bytesOfEntry)
  let upkeep = 0
  for (const { table, calls, writes } of uses) {
    if (table.schema !== index.table.schema || table.name !== index.table.name) continue
    upkeep += calls * perPlanning
    if (writes.rows === 0) continue
    const { columns } = writes
    const touches = (one: TableIndex): boolean =>
      columns === undefined || columns.some((column) => mentions(one, column))
    if (touches(index)) {
      // The first index that has a changed column makes every index of the table take an entry.
      const losesHot = columns !== undefined && !beside.some(touches)
      upkeep += writes.rows * (entry + (losesHot ? beside.length * perEntry : 0))
    } else if (beside.some(touches)) {
      upkeep += writes.rows * entry
    }
  }
  return upkeep
}

/** Whether the column is a key, is carried along, or stands in an expression or the predicate. */
function mentions({ keys, included, predicate }: TableIndex, column: string): boolean {
  const texts = [...keys, ...included].map(({ text }) => text)
  return texts.includes(column) || [...texts, predicate ?? ''].some((text) => wordIn(text, column))
}

function wordIn(text: string, word: string): boolean {
  const at = text.indexOf(word)
  if (at < 0) return false
  const isPart = (character: string | undefined): boolean =>
    character !== undefined && /[\w$]/.test(character)
  return (
    !(isPart(text[at - 1]) || isPart(text[at + word.length])) || wordIn(text.slice(at + word.length), word)
  )
}

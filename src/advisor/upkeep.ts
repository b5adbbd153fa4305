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
 * In the planner's units, of which one is some 2 µs where everything is in memory: an entry into a B-tree takes 10 to
 * 20 µs with its WAL, and each further index that a table has about 5 µs of each statement's planning.
 */
const perEntry = 8
const perPlanning = 2.5
/** An entry of as many bytes as this one takes twice as long: it is written to the page and to the WAL. */
const bytesOfEntry = 64
/**
 * What a version costs that only VACUUM can remove, against its entries alone: pages that fill up, larger tables and
 * indexes for every reader, and VACUUM itself. No plan shows it.
 */
const withoutHot = 5

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
  for (const use of usesOfTable(index, uses)) {
    upkeep += use.calls * perPlanning
    if (use.writes.rows === 0) continue
    if (losesHot(index, beside, use)) {
      upkeep += use.writes.rows * withoutHot * (entry + beside.length * perEntry)
    } else if ([index, ...beside].some((one) => touches(one, use))) {
      upkeep += use.writes.rows * entry
    }
  }
  return upkeep
}

/** How many updates leave all indexes of their table alone today, and would have to write to every one of them. */
export function hotUpdatesEnded(
  index: TableIndex,
  others: readonly TableIndex[],
  uses: readonly Use[],
): number {
  const beside = others.filter(({ oid, tableOid }) => oid !== index.oid && tableOid === index.tableOid)
  return usesOfTable(index, uses)
    .filter((use) => losesHot(index, beside, use))
    .reduce((sum, { writes }) => sum + writes.rows, 0)
}

function usesOfTable({ table }: TableIndex, uses: readonly Use[]): Use[] {
  return uses.filter((use) => use.table.schema === table.schema && use.table.name === table.name)
}

/** The first index that has a changed column makes every index of the table take an entry. */
function losesHot(index: TableIndex, beside: readonly TableIndex[], use: Use): boolean {
  const isUpdate = use.writes.columns !== undefined
  return isUpdate && touches(index, use) && !beside.some((one) => touches(one, use))
}

function touches(index: TableIndex, { writes: { columns } }: Use): boolean {
  return columns === undefined || columns.some((column) => mentions(index, column))
}

/** Entries that writes make in an index in the time of the workload: one for each new version of a row, but for HOT updates. */
export function entriesIn(index: TableIndex, others: readonly TableIndex[], uses: readonly Use[]): number {
  const beside = others.filter(({ tableOid }) => tableOid === index.tableOid)
  return usesOfTable(index, uses)
    .filter((use) => [index, ...beside].some((one) => touches(one, use)))
    .reduce((sum, { writes }) => sum + writes.rows, 0)
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

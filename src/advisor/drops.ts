import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { areDuplicates, covers } from '../indexes/indexCoverage.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { display } from '../postgres/identifiers.ts'
import type { DropJudge } from '../rules/indexes/dropEvidence.ts'
import type { AdvisedIndex, StatementCost } from './advise.ts'
import { definitionOn } from './candidates.ts'
import type { WhatIf } from './whatIf.ts'

/** An existing index that the workload does without once what is advised is there. */
export interface AdvisedDrop extends DefinedIndex {
  /** The advised index that does its work. */
  replacedBy?: AdvisedIndex
  /** An index that stays and does its work. */
  coveredBy?: TableIndex
  /** Which conditions of a drop hold, and which do not. */
  reason: string
  /** What is not shown yet; where it is empty, `optimize` writes the drop. */
  lacks: string[]
}

/** An existing index that might have gone, and the statements that use it. */
export interface KeptIndex {
  index: DefinedIndex
  serves: StatementCost[]
}

export interface DropSurroundings {
  /** Existing indexes that the choice does without. */
  unchosen: readonly DefinedIndex[]
  indexes: readonly AdvisedIndex[]
  /** Existing indexes that stay. */
  staying: readonly TableIndex[]
  /** Oids of indexes that a statement uses today. */
  usedToday: ReadonlySet<number>
  /** What the statistics of the source say. */
  judge: DropJudge
  /** There are no other statements than those of the workload. */
  complete: boolean
}

/** Says of each index that was not chosen whether it may be dropped, by section 8 of the design, and why. */
export function judgeDrops(surroundings: DropSurroundings): AdvisedDrop[] {
  const { unchosen, indexes, staying, usedToday, judge, complete } = surroundings
  const gone = new Set<number>()
  return unchosen.flatMap((index): AdvisedDrop[] => {
    const known = judge.indexes.find(({ schema, name }) => schema === index.schema && name === index.name)
    if (!known || !judge.schemas.has(known.schema)) return []
    if (known.protectedBecause !== null || known.isPartitioned) return []
    const replacedBy = indexes.find((advised) => doesTheWorkOf(advised.index, index))
    if (replacedBy) {
      const reason = `the advised index ${definitionOn(replacedBy.candidate)} serves every search that it serves`
      return [{ ...index, replacedBy, reason, lacks: [] }]
    }
    const coveredBy = staying.find((other) => doesTheWorkOf(other, index))
    if (coveredBy) {
      const reason = areDuplicates(coveredBy, index)
        ? `it is the same as ${display(coveredBy)}`
        : `${display(coveredBy)} serves every search that it serves`
      return [{ ...index, coveredBy, reason, lacks: [] }]
    }
    const unneeded = usedToday.has(index.oid)
      ? 'it costs writes more than it saves once the advised indexes are there'
      : 'no statement of the workload needs it'
    if (complete) return [{ ...index, reason: `${unneeded}, and the workload is complete`, lacks: [] }]
    const { staysBecause, lacks, unsettled } = judge.judge(known, undefined, gone)
    const missing = [
      ...(staysBecause === null ? [] : [staysBecause]),
      ...lacks,
      ...(unsettled.includes('standbys') ? ['standbys were not asked'] : []),
    ]
    if (missing.length === 0) gone.add(known.oid)
    const reason =
      missing.length === 0
        ? `${unneeded}, and no query used it in the ${Math.floor(judge.age.ageDays)} days of the statistics`
        : `${unneeded}; \`optimize\` keeps it until it is shown to be unused: ${missing.join('; ')}`
    return [{ ...index, reason, lacks: missing }]
  })
}

function doesTheWorkOf(wide: TableIndex, narrow: TableIndex): boolean {
  return covers(wide, narrow) || areDuplicates(wide, narrow)
}

/**
 * Those of the indexes whose expressions a statement is estimated by, though no plan scans them: without the index some
 * node of a plan expects another number of rows.
 */
export async function neededForEstimates(
  whatIf: WhatIf,
  statements: readonly StatementCost[],
  there: ReadonlySet<number>,
  unchosen: readonly DefinedIndex[],
): Promise<Set<number>> {
  const needed = new Set<number>()
  const expressions = unchosen.filter(({ keys }) => keys.some(({ attnum }) => attnum === 0))
  if (expressions.length === 0) return needed
  for (const { statement } of statements) {
    const args = statement.args[0] ?? []
    const { root } = await whatIf.plan(statement, args, there)
    const tables = new Set(flatten(root).map((node) => node['Relation Name']))
    for (const { oid, table } of expressions) {
      if (needed.has(oid) || !tables.has(table.name)) continue
      const other = await whatIf.plan(statement, args, new Set([...there, oid]))
      if (!other.used.includes(oid) && rowsOf(other.root) !== rowsOf(root)) needed.add(oid)
    }
  }
  return needed
}

function rowsOf(root: PlanNode): string {
  return flatten(root)
    .map((node) => node['Plan Rows'])
    .join()
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)]
}

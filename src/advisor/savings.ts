import type { Advice, AdvisedIndex, StatementCost } from './advise.ts'
import { weightOf } from './plannedStatement.ts'

/** An advised index with its number, by which people refer to it, and what it saves. */
export interface NumberedIndex extends AdvisedIndex {
  number: number
  /** Of the whole workload, in the planner's units, its upkeep not taken off. */
  saves: number
}

/** The advised indexes, the one that saves most first. What several save together is shared equally. */
export function numberIndexes({ indexes }: Pick<Advice, 'indexes'>): NumberedIndex[] {
  const serving = new Map<unknown, number>()
  for (const { statement } of indexes.flatMap(({ serves }) => serves)) {
    serving.set(statement, (serving.get(statement) ?? 0) + 1)
  }
  return indexes
    .map((index) => ({
      ...index,
      saves: index.serves.reduce((sum, each) => sum + gainOf(each) / (serving.get(each.statement) ?? 1), 0),
    }))
    .sort((a, b) => b.saves - a.saves)
    .map((index, at) => ({ ...index, number: at + 1 }))
}

/** What a statement saves in the whole workload, in the planner's units. */
export function gainOf({ statement, costBefore, costAfter }: StatementCost): number {
  return weightOf(statement) * (costBefore - costAfter)
}

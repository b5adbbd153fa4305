import type { Advice, AdvisedIndex } from '../advisor/advise.ts'
import { isLow } from '../advisor/agreement.ts'
import { definitionOf } from '../advisor/candidates.ts'
import { numberIndexes } from '../advisor/savings.ts'
import { display } from '../postgres/identifiers.ts'

/** The document of `advise --json`: see interface.md. */
export function adviceDocument(advice: Advice): object {
  const { drops, gap, cost, leftOut, agreement, statements } = advice
  return {
    indexes: numberIndexes(advice).map((advised) => ({
      number: advised.number,
      definition: createIndex(advised),
      sizeBytes: advised.index.sizeBytes,
      replaces: advised.replaces.map(display),
      saves: advised.saves,
      upkeep: advised.upkeep,
      entries: advised.entries,
      serves: advised.serves.map(({ statement, costBefore, costAfter }) => ({
        query: statement.name,
        costBefore,
        costAfter,
      })),
    })),
    gap,
    drops: drops.map((index) => ({ name: display(index), definition: index.definition, reason: whyDropped })),
    cost,
    agreement: {
      compared: agreement.compared,
      sameShape: agreement.sameShape,
      medianCostError: agreement.medianCostError,
      notCompared: agreement.notCompared.map(({ statement, reason }) => ({ query: statement.name, reason })),
      isLow: isLow(agreement),
    },
    statements: statements.map(({ statement, costBefore, costAfter }) => ({
      query: statement.name,
      calls: statement.calls,
      costBefore,
      costAfter,
    })),
    leftOut: leftOut.map(({ statement, reason }) => ({
      query: statement.name,
      line: statement.line,
      reason,
    })),
  }
}

export const whyDropped = 'no statement needs it, or writes pay more than it saves'

function createIndex({ candidate }: AdvisedIndex): string {
  return `CREATE INDEX ${definitionOf(candidate)}`
}

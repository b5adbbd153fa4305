import type { Advice, AdvisedIndex } from '../advisor/advise.ts'
import type { Agreement } from '../advisor/agreement.ts'
import { isLow } from '../advisor/agreement.ts'
import { definitionOf } from '../advisor/candidates.ts'
import { numberIndexes } from '../advisor/savings.ts'
import { display } from '../postgres/identifiers.ts'
import { besidesDocument } from './besidesIndexes.ts'
import { leftOutDocument } from './notCounted.ts'

/** The document of `advise --json`: see interface.md. */
export function adviceDocument(advice: Advice): object {
  const { drops, gap, cost, leftOut, unsure, agreement, statements } = advice
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
    drops: drops.map((drop) => ({
      name: display(drop),
      definition: drop.definition,
      reason: drop.reason,
      lacks: drop.lacks,
    })),
    cost,
    ...(agreement ? { agreement: agreementDocument(agreement) } : {}),
    statements: statements.map(({ statement, costBefore, costAfter }) => ({
      query: statement.name,
      calls: statement.calls,
      costBefore,
      costAfter,
    })),
    leftOut: leftOutDocument(leftOut),
    unsure,
    ...besidesDocument(advice),
  }
}

function agreementDocument(agreement: Agreement): object {
  const { compared, sameShape, medianCostError, notCompared } = agreement
  return {
    ...{ compared, sameShape, medianCostError },
    notCompared: notCompared.map(({ statement, reason }) => ({ query: statement.name, reason })),
    isLow: isLow(agreement),
  }
}

function createIndex({ candidate }: AdvisedIndex): string {
  return `CREATE INDEX ${definitionOf(candidate)}`
}

import type { Advice, AdvisedIndex } from '../advisor/advise.ts'
import { definitionOf } from '../advisor/candidates.ts'
import { display } from '../postgres/identifiers.ts'
import { besidesDocument, besidesLines } from './besidesIndexes.ts'
import { leftOutDocument, notCountedLines } from './notCounted.ts'

/** The document of `advise --json`: see interface.md. */
export function adviceDocument({ indexes, drops, gap, cost, leftOut, unsure, ...more }: Advice): object {
  return {
    indexes: indexes.map((advised) => ({
      definition: createIndex(advised),
      sizeBytes: advised.index.sizeBytes,
      replaces: advised.replaces.map(display),
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
    leftOut: leftOutDocument(leftOut),
    unsure,
    ...besidesDocument(more),
  }
}

function createIndex({ candidate }: AdvisedIndex): string {
  return `CREATE INDEX ${definitionOf(candidate)}`
}

/** The same for people, a line each: what to build, for whom, what to drop, and how good the choice is. */
export function adviceLines({ indexes, drops, gap, cost, leftOut, unsure, ...more }: Advice): string[] {
  const lines = indexes
    .toSorted((a, b) => gainOf(b) - gainOf(a))
    .flatMap((advised) => [
      `create   ${definitionOf(advised.candidate).replaceAll('"', '')}  ${megabytes(advised.index.sizeBytes)}`,
      ...advised.serves
        .toSorted((a, b) => b.costBefore * b.statement.calls - a.costBefore * a.statement.calls)
        .slice(0, mostServed)
        .map(
          ({ statement, costBefore, costAfter }) =>
            `         ${statement.name}: cost ${round(costBefore)} -> ${round(costAfter)}`,
        ),
      ...(advised.serves.length > mostServed
        ? [`         and ${advised.serves.length - mostServed} more`]
        : []),
      ...advised.replaces.map((index) => `         replaces ${display(index)}`),
    ])
  return [
    ...lines,
    ...drops.map((drop) => `drop     ${display(drop)}  ${megabytes(drop.sizeBytes)}: ${drop.reason}`),
    ...besidesLines(more),
    ...notCountedLines(leftOut, unsure),
    `Cost of the workload: ${round(cost.before)} -> ${round(cost.after)}, ${round(cost.before / cost.after)} times less; no choice among these candidates is better by more than ${(gap * 100).toFixed(2)} %.`,
  ]
}

const mostServed = 3

function gainOf({ serves }: AdvisedIndex): number {
  return serves.reduce(
    (sum, { statement, costBefore, costAfter }) => sum + statement.calls * (costBefore - costAfter),
    0,
  )
}

const round = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 })
const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`

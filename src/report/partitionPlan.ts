import type { PartitionPlan } from '../partition/plan.ts'
import { literalOf } from '../partition/intervals.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { oneLine } from './diagnosis/cells.ts'

/** What stops a series, what goes by somebody's word, and what clients will see of it. */
export function partitionPlanLines({ refused, accepted, subject }: PartitionPlan): string[] {
  const stops = refused.map(
    ({ name, reason, acceptable }) =>
      `${acceptable ? 'accept? ' : 'stops   '} ${oneLine(name)}: ${oneLine(reason)}`,
  )
  const gone = accepted.map(({ name, reason }) => `accepted ${oneLine(name)}: ${oneLine(reason)}`)
  if (!subject) return [...stops, ...gone]
  const { table, history, cutoff, keyType, key, children, defaultPartition } = subject
  return [
    ...gone,
    `${display(table)} becomes partitioned by ${displayIdentifier(key)}: ${display(history)} keeps the rows below ` +
      `${literalOf(keyType, cutoff)}, new partitions follow, ${display(defaultPartition)} takes whatever fits none.`,
    `From the first migration to the swap, rows from ${literalOf(keyType, cutoff)} on are refused.`,
    ...children.map(
      ({ key: foreign, column }) =>
        `${display(foreign.table)} gets a column ${displayIdentifier(column)}, which its foreign key ${displayIdentifier(foreign.name)} needs; a trigger fills it.`,
    ),
  ]
}

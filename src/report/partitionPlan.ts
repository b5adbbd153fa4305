import type { PartitionPlan } from '../partition/plan.ts'
import type { CopySubject } from '../partition/rewrite/copySubject.ts'
import type { Subject } from '../partition/subject.ts'
import { literalOf } from '../partition/intervals.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { oneLine } from './diagnosis/cells.ts'
import { bytes } from './units.ts'

/** What stops a series, what goes by somebody's word, and what clients will see of it. */
export function partitionPlanLines(plan: PartitionPlan): string[] {
  const { refused, accepted, subject, kept, copies } = plan
  const stops = refused.map(
    ({ name, reason, acceptable }) =>
      `${acceptable ? 'accept? ' : 'stops   '} ${oneLine(name)}: ${oneLine(reason)}`,
  )
  const gone = accepted.map(({ name, reason }) => `accepted ${oneLine(name)}: ${oneLine(reason)}`)
  if (kept) {
    return [
      `${display(kept.table)} is partitioned already, and ${display(kept.before)} is what it was: one migration drops that.`,
      'Until then `migrate down` goes back at once; afterwards its way back has to copy all rows.',
    ]
  }
  if (!subject) return [...stops, ...gone]
  if ('partitions' in subject) return [...gone, ...copyLines(subject, copies ?? 0)]
  const { table, history, cutoff, keyType, key, defaultPartition } = subject
  return [
    ...gone,
    `${display(table)} becomes partitioned by ${displayIdentifier(key)}: ${display(history)} keeps the rows below ` +
      `${literalOf(keyType, cutoff)}, new partitions follow, ${display(defaultPartition)} takes whatever fits none.`,
    `From the first migration to the swap, rows from ${literalOf(keyType, cutoff)} on are refused.`,
    ...childLines(subject),
  ]
}

function copyLines(subject: CopySubject, copies: number): string[] {
  const { table, key, keyType, every, partitions, defaultPartition, before } = subject
  const [first, last] = [partitions[0], partitions.at(-1)]
  return [
    `${display(table)} is copied into ${partitions.length} partitions by ${displayIdentifier(key)}, one for each ${every} from ` +
      `${literalOf(keyType, first?.from ?? new Date(0))} to ${literalOf(keyType, last?.to ?? new Date(0))}; ${display(defaultPartition)} takes whatever fits none.`,
    `The copy takes about ${bytes(copies)} on the server's disk, and as much WAL; how much is free there cannot be seen from here.`,
    `${display(before)} is the table as it was. It mirrors the new one, so that \`migrate down\` is short, until you give this command again.`,
    `While both are there, each change is written twice, and rows without ${displayIdentifier(key)} are refused.`,
    ...childLines(subject),
  ]
}

function childLines({ children }: Subject): string[] {
  return children.map(
    ({ key: foreign, column }) =>
      `${display(foreign.table)} gets a column ${displayIdentifier(column)}, which its foreign key ${displayIdentifier(foreign.name)} needs; a trigger fills it.`,
  )
}

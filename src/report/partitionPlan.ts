import type { PartitionPlan } from '../partition/plan.ts'
import type { CopySubject } from '../partition/rewrite/copySubject.ts'
import type { Subject } from '../partition/subject.ts'
import { literalOf } from '../partition/intervals.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { oneLine } from './diagnosis/cells.ts'
import { bytes } from './units.ts'

/** With more of them the swap takes long enough to be noticed. */
const manyPartitions = 100

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
  const { key, before, partitions } = subject
  return [
    ...splitLines(subject),
    ...(partitions.length > manyPartitions
      ? [
          `The swap makes triggers and foreign keys for each of ${partitions.length} partitions while clients wait: count on some seconds.`,
        ]
      : []),
    `The copy takes about ${bytes(copies)} on the server's disk, and as much WAL; how much is free there cannot be seen from here.`,
    `${display(before)} is the table as it was. It mirrors the new one, so that \`migrate down\` is short, until you give this command again.`,
    `While both are there, each change is written twice, and rows without ${displayIdentifier(key)} are refused.`,
    ...childLines(subject),
  ]
}

function splitLines({ table, key, split, partitions, defaultPartition }: CopySubject): string[] {
  const [name, column] = [display(table), displayIdentifier(key)]
  const own = partitions.filter(({ leaf }) => leaf.name !== defaultPartition.name).map(({ leaf }) => leaf)
  const into = `${name} is copied into ${own.length} partitions`
  if ('every' in split) {
    const [first = table, last = table] = [own[0], own.at(-1)]
    return [
      `${into} by ${column}, one for each ${split.every} from ${display(first)} to ${display(last)}; ` +
        `${display(defaultPartition)} takes whatever fits none.`,
    ]
  }
  const notJudged =
    'Whether that pays is not judged: the judgement knows ranges of time only. See docs/partitions.md for when a list or a hash pays.'
  return [
    split.by === 'list'
      ? `${into}, one for each value of ${column}; ${display(defaultPartition)} takes values that come later.`
      : `${into} by a hash of ${column}, each with about as many rows as the others.`,
    notJudged,
  ]
}

function childLines({ children }: Subject): string[] {
  return children.map(
    ({ key: foreign, column }) =>
      `${display(foreign.table)} gets a column ${displayIdentifier(column)}, which its foreign key ${displayIdentifier(foreign.name)} needs; a trigger fills it.`,
  )
}

import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { PartitionJudgement } from '../partition/judge.ts'
import type { LayoutChanges, Reason, StatementChange } from '../partition/worthwhile.ts'
import { oneLine } from './diagnosis/cells.ts'
import { percent } from './figures.ts'
import { textTable } from './textTable.ts'
import { bytes, duration, ratio } from './units.ts'

/** A judgement for people: whether partitioning pays, what gets faster and slower, and what to do instead. */
export function partitionJudgementLines(judgement: PartitionJudgement): string[] {
  const { worthwhile, foretelling, instead } = judgement
  const { keyed, leftOut } = foretelling
  const of = `Partitioning ${display(keyed.table)} by ${displayIdentifier(keyed.key)}`
  return [
    worthwhile ? `${of} pays.` : `${of} does not pay, and nothing is written.`,
    ...partitionChangeLines(judgement),
    ...(worthwhile ? [] : insteadLines(judgement)),
    ...leftOut.map(({ statement, reason }) => `Not judged: ${oneLine(statement.name)}: ${oneLine(reason)}`),
    ...(instead.length > 0 || worthwhile ? [] : ['No other index would help the statements with the key.']),
    'Times are foretold: planning is measured in the shadow, execution follows from the plans, as if what they read were in memory.',
  ]
}

/** The numbers of a judgement: what holds, which statements get faster and slower, and what upkeep takes. */
export function partitionChangeLines(judgement: PartitionJudgement): string[] {
  const { reasons, layouts, breaks } = judgement
  return [
    ...reasons.map((reason) => `${reason.holds ? 'yes' : 'no '}  ${reasonText(reason)}`),
    ...breaks.map(
      ({ name, calls, reason }) =>
        `breaks  ${oneLine(name)} (${callsText(calls)}): ${oneLine(reason)}. Change it first.`,
    ),
    ...layouts.flatMap(layoutLines),
    ...upkeepLines(judgement),
  ]
}

function reasonText(reason: Reason): string {
  switch (reason.kind) {
    case 'size': {
      const than = reason.holds ? 'at least as large as' : 'smaller than'
      return `${bytes(reason.size)} with indexes and TOAST, ${than} the ${bytes(reason.memory)} that the server counts on for caching`
    }
    case 'retention':
      return `rows are kept for ${reason.retention}: a partition is dropped where rows would be deleted`
    case 'key':
      return reason.calls === 0
        ? 'no statement of the workload uses the table'
        : `${percent(reason.share)} of ${callsText(reason.calls)} carry the key; it takes ${percent(reason.least)}`
    case 'workload': {
      const { before, after, layout } = reason
      return `the whole workload: ${duration(before)} -> ${duration(after)}, ${layout}`
    }
  }
}

const mostShown = 10

function layoutLines({ name, partitions, faster, slower, unchanged, total }: LayoutChanges): string[] {
  const changed = [...faster.slice(0, mostShown), ...slower.slice(0, mostShown)]
  const left = faster.length + slower.length - changed.length
  const title = `${name[0]?.toUpperCase()}${name.slice(1)} (${partitions} partitions): the workload takes ${duration(total.before)} -> ${duration(total.after)}; ${faster.length} faster, ${slower.length} slower, ${unchanged.length} as before.`
  if (changed.length === 0) return [title]
  const rest = left > 0 ? [`${left} more are in the JSON.`] : []
  return [title, textTable(columns, changed.map(cellsOf)), ...rest]
}

const columns = [
  { title: 'statement', width: 40 },
  { title: 'calls', align: 'right' as const },
  { title: 'key', width: 5 },
  { title: 'partitions', align: 'right' as const },
  { title: 'before', align: 'right' as const },
  { title: 'after', align: 'right' as const },
  { title: '', width: 14 },
]

function cellsOf(change: StatementChange): string[] {
  return [
    change.name,
    change.calls.toLocaleString('en-US'),
    change.hasKey ? 'yes' : 'no',
    `${change.partitions}`,
    duration(change.beforeMs),
    duration(change.afterMs),
    change.ratio >= 1 ? `${ratio(change.ratio)} faster` : `${ratio(1 / change.ratio)} slower`,
  ]
}

function upkeepLines({ upkeep }: PartitionJudgement): string[] {
  if (!upkeep) return []
  const { rows, retention, retentionWal, vacuum } = upkeep
  return [
    `Dropping an interval of ${Math.round(rows).toLocaleString('en-US')} rows: ${duration(retention.before)} and ${bytes(retentionWal.before)} of WAL as DELETE, ${duration(retention.after)} and ${bytes(retentionWal.after)} as DROP.`,
    `VACUUM after ${percent(vacuum.changedShare)} of its rows have changed: ${duration(vacuum.before)} -> ${duration(vacuum.after)}.`,
  ]
}

function insteadLines({ instead }: PartitionJudgement): string[] {
  return instead.map(({ kind, sql, serves, correlation, changed }) => {
    const why =
      kind === 'brin'
        ? `rows are only added (${percent(changed ?? 0)} changed) in the order of the key (correlation ${(correlation ?? 0).toFixed(2)})`
        : `for ${serves.map(oneLine).join(', ')}`
    return `Instead: ${sql}; -- ${why}`
  })
}

const callsText = (calls: number): string =>
  `${calls.toLocaleString('en-US')} ${calls === 1 ? 'call' : 'calls'}`

/** The body of `partition --json`, without what was written. */
export function partitionJudgementJson(judgement: PartitionJudgement): object {
  const { foretelling, ...verdict } = judgement
  const { keyed, rows, losesUnique, leftOut } = foretelling
  return {
    ...verdict,
    table: [keyed.table.schema, keyed.table.name],
    key: keyed.key,
    rows,
    losesUnique,
    refused: [
      ...verdict.breaks.map(({ name, reason }) => ({ name, reason })),
      ...verdict.reasons
        .filter(({ holds, kind }) => !holds && !verdict.worthwhile && kind !== 'retention')
        .map((reason) => ({ name: display(keyed.table), reason: reasonText(reason) })),
    ],
    leftOut: leftOut.map(({ statement, reason }) => ({ name: statement.name, reason })),
  }
}

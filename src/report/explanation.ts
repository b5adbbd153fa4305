import type { Advice } from '../advisor/advise.ts'
import type { DecidedIndex } from '../advisor/decision.ts'
import { nameOf } from '../advisor/decision.ts'
import type { Difference, Explanation, Neighbour, StatementChange } from '../advisor/explainIndex.ts'
import type { NamedIndex } from '../advisor/namedIndex.ts'
import { numberIndexes } from '../advisor/savings.ts'
import { display } from '../postgres/identifiers.ts'
import { percent, round } from './figures.ts'
import { textTable } from './textTable.ts'
import { bytes } from './units.ts'

/** More would not be read; JSON has all. */
const mostStatements = 15

/** What `--explain` found out: about an index that may be there or not, or about one of which nothing is decided. */
export type Explained = { kind: 'option'; explanation: Explanation } | Exclude<NamedIndex, { kind: 'option' }>

/** What `--explain` prints. Entries are told per hour where it is known for how many hours the workload stands. */
export function explainedLines(explained: Explained, advice: Advice, hours?: number): string[] {
  return explained.kind === 'option'
    ? explanationLines(explained.explanation, advice, hours)
    : [undecidedLine(explained)]
}

/** The same as JSON: `explained` of `advise --json`. */
export function explainedDocument(explained: Explained, advice: Advice): object {
  if (explained.kind !== 'option') return { explained: { reason: undecidedLine(explained) } }
  const { subject, exists, isChosen, statements, opposite, neighbours } = explained.explanation
  return {
    explained: {
      index: nameOf(subject),
      state: stateOf(explained.explanation, advice),
      exists,
      isChosen,
      sizeBytes: subject.index.sizeBytes,
      upkeep: subject.upkeep,
      entries: subject.entries,
      statements: statements.map(({ statement, today, alone, advised }) => ({
        query: statement.name,
        calls: statement.calls,
        today,
        alone: alone ?? null,
        advised,
      })),
      opposite: opposite ? { cost: opposite.cost, reason: differenceText(opposite) } : null,
      neighbours: neighbours.map((neighbour) => ({
        index: nameOf(neighbour.index),
        isChosen: neighbour.isChosen,
        sizeBytes: neighbour.index.index.sizeBytes,
        cost: neighbour.instead?.cost ?? null,
        reason: reasonOf(neighbour),
      })),
    },
  }
}

function explanationLines(explanation: Explanation, advice: Advice, hours: number | undefined): string[] {
  const { subject, statements, neighbours, moreNeighbours } = explanation
  return [
    `${nameOf(subject)}: ${stateOf(explanation, advice)}.`,
    `Size: ${bytes(subject.index.sizeBytes)}${explanation.exists ? '' : ' (estimated)'}.`,
    `Writes: ${upkeepText(subject, advice, hours)}`,
    ...replacesLines(explanation, advice),
    oppositeText(explanation),
    '',
    ...(statements.length > 0
      ? [
          statementTable(explanation),
          ...(statements.length > mostStatements ? [`and ${statements.length - mostStatements} more`] : []),
        ]
      : ['No statement of the workload uses it in any plan that was tried.']),
    ...(neighbours.length > 0
      ? [neighbourTable(explanation, advice)]
      : ['It has no neighbour to compare it with.']),
    ...(moreNeighbours > 0 ? [`and ${moreNeighbours} more that were not tried`] : []),
  ]
}

function undecidedLine(named: Exclude<NamedIndex, { kind: 'option' }>): string {
  if (named.kind === 'refused') return `PostgreSQL does not build this index: ${named.of.reason}.`
  const { protectedBecause, isValid, isPartitioned } = named.of
  const because =
    protectedBecause ??
    (!isValid
      ? 'it is not valid, so no plan uses it; rebuild it or drop it by hand'
      : isPartitioned
        ? 'it stands for an index on every partition'
        : 'it is part of what the advice builds on')
  return `${display(named.of)}: it stays, because ${because}.`
}

function stateOf({ subject, exists, isChosen }: Explanation, advice: Advice): string {
  if (exists) return isChosen ? 'it exists, and stays' : 'it exists, and may be dropped'
  const number = numberIndexes(advice).find(({ oid }) => oid === subject.oid)?.number
  return isChosen ? `advised, number ${number ?? '?'} of the table` : 'a candidate that was not chosen'
}

function upkeepText({ entries, upkeep }: DecidedIndex, { cost }: Advice, hours: number | undefined): string {
  if (entries === 0) return 'the workload makes no entry in it.'
  const perHour = hours === undefined ? 'in the time of the workload' : 'an hour'
  return `${round(entries / (hours ?? 1))} entries ${perHour}; with the planning that it adds, it costs ${round(upkeep)} in the planner's units, ${percent(upkeep / cost.after)} of what the workload costs as advised.`
}

function replacesLines({ subject }: Explanation, { indexes }: Advice): string[] {
  const replaces = indexes.find(({ oid }) => oid === subject.oid)?.replaces ?? []
  return replaces.length > 0 ? [`Replaces: ${replaces.map(display).join(', ')}.`] : []
}

function oppositeText({ exists, isChosen, opposite, subject }: Explanation): string {
  if (opposite) {
    const way = isChosen ? 'Without it' : exists ? 'If it stays' : 'With it'
    return `${way}, everything else chosen anew: ${differenceText(opposite)}.`
  }
  return isChosen
    ? 'Without it, a statement would get more than 15 % slower.'
    : `It is over the budget: it alone takes ${bytes(subject.bytes)}.`
}

function statementTable({ statements, exists, isChosen }: Explanation): string {
  const alone = exists ? 'without it alone' : 'with it alone'
  const advised = isChosen ? 'as advised, with it' : 'as advised, without it'
  return textTable(
    [
      { title: 'statement', width: 40 },
      { title: 'calls', align: 'right' },
      { title: 'cost today', align: 'right' },
      { title: alone, align: 'right' },
      { title: advised, align: 'right' },
    ],
    statements
      .slice(0, mostStatements)
      .map((each: StatementChange) => [
        each.statement.name,
        round(each.statement.calls),
        round(each.today),
        each.alone === undefined ? 'over 15 % more' : round(each.alone),
        round(each.advised),
      ]),
  )
}

function neighbourTable(explanation: Explanation, advice: Advice): string {
  const numbers = new Map(numberIndexes(advice).map(({ oid, number }) => [oid, number]))
  return textTable(
    [
      { title: explanation.isChosen ? 'instead of it' : 'it, instead of', width: 52 },
      { title: 'size', align: 'right' },
      { title: 'workload', align: 'right' },
      { title: 'why', width: 48 },
    ],
    explanation.neighbours.map((neighbour) => {
      const { index, isChosen, instead } = neighbour
      const number = numbers.get(index.oid)
      const state = number !== undefined ? [`number ${number}`] : isChosen ? ['it stays'] : []
      return [
        [nameOf(index), ...state],
        bytes(index.index.sizeBytes),
        instead ? signed(instead.share) : '-',
        reasonOf(neighbour),
      ]
    }),
  )
}

function reasonOf({ instead, isOverBudget }: Neighbour): string {
  if (isOverBudget) return 'over the budget'
  return instead ? differenceText(instead) : 'a statement would get more than 15 % slower'
}

/** Less than that share of the cost is no reason. */
const sameCost = 0.0005
/** A statement that bears that share of the losses is the reason. */
const mostOfIt = 0.5
/** Two pages: nobody counts them. */
const smallSize = 16 * 1024

/** `12 % dearer: search_city costs 34 % more (4.3 -> 5.8); 8 MB more`, `8 MB more for 0.1 %` */
function differenceText(difference: Difference): string {
  const { share, bytes: more, besides } = difference
  const size = Math.abs(more) < smallSize ? '' : `${bytes(Math.abs(more))} ${more > 0 ? 'more' : 'less'}`
  const [first, ...others] = besides.map(nameOf)
  const alsoText =
    first === undefined ? '' : `then also ${first}${others.length > 0 ? ` and ${others.length} more` : ''}`
  const parts = (reason: string): string => [reason, size, alsoText].filter((part) => part !== '').join('; ')
  if (share <= -sameCost) {
    return parts(`${percent(-share)} cheaper, as planned now; the choice had not tried this`)
  }
  if (share >= sameCost) return parts(`${percent(share)} dearer${lossText(difference)}`)
  if (more <= 0 || size === '') return parts(`as good: the costs differ by less than ${percent(sameCost)}`)
  return [`${size} for ${share < 0 ? percent(-share) : 'nothing'}`, alsoText]
    .filter((part) => part !== '')
    .join('; ')
}

function lossText({ cost, upkeep, worst }: Difference): string {
  if (upkeep > cost * mostOfIt) return ', above all for the upkeep of indexes'
  if (!worst) return ''
  const { statement, chosen, other, share } = worst
  const costs = `${round(chosen)} -> ${round(other)}`
  if (share < mostOfIt) return `, in several statements, most in ${statement.name} (${costs})`
  const more =
    other < chosen * 3 ? `${percent(other / chosen - 1)} more` : `${round(other / chosen)} times as much`
  return `: ${statement.name} costs ${more} (${costs})`
}

function signed(share: number): string {
  if (Math.abs(share) < sameCost) return 'the same'
  return `${share > 0 ? '+' : '-'}${percent(Math.abs(share))}`
}

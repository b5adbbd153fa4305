import type { Advice, StatementCost } from '../advisor/advise.ts'
import type { Agreement } from '../advisor/agreement.ts'
import { isLow } from '../advisor/agreement.ts'
import { displayDefinition } from '../advisor/decision.ts'
import { gainOf, numberIndexes } from '../advisor/savings.ts'
import { display } from '../postgres/identifiers.ts'
import { shortList } from '../shortList.ts'
import { besidesLines } from './besidesIndexes.ts'
import { oneLine } from './diagnosis/cells.ts'
import { percent, round } from './figures.ts'
import { notCountedLines } from './notCounted.ts'
import { textTable } from './textTable.ts'
import { bytes, ratio } from './units.ts'

/** Advice for people: what to build, for whom, what to drop, and how good the choice is. */
export function adviceLines(advice: Advice): string[] {
  const { indexes, drops, leftOut, unsure, agreement, cost } = advice
  return [
    ...(agreement && isLow(agreement) ? [lowAgreement(agreement), ''] : []),
    ...(indexes.length > 0 ? [createTable(advice), tableLegend] : ['No index is worth building.']),
    ...(drops.length > 0 ? [dropTable(advice)] : []),
    ...unchangedLines(advice),
    ...besidesLines(advice),
    ...notCountedLines(leftOut, unsure).map(oneLine),
    ...(agreement ? agreementLines(agreement) : []),
    `Cost of the workload: ${round(cost.before)} -> ${round(cost.after)}, ${ratio(cost.before / cost.after)} less. ${sizeText(advice)}`,
    gapText(advice),
    `Next: ${indexes.length > 0 ? '--explain 1 says why the first one was chosen; ' : ''}--html FILE shows the plans; optimize --workload FILE writes the migrations.`,
  ]
}

function agreementLines(agreement: Agreement): string[] {
  return [
    ...agreement.notCompared.map(
      ({ statement, reason }) => `Not compared: ${oneLine(statement.name)}: ${oneLine(reason)}`,
    ),
    agreementText(agreement),
  ]
}

const tableLegend =
  "Saves: a share of the workload's cost. Upkeep: the share of that which writes and planning take back."

function createTable(advice: Advice): string {
  const rows = numberIndexes(advice).map((index) => {
    const { number, candidate, sizeBytes, saves, upkeep, serves, replaces } = { ...index, ...index.index }
    return [
      `${number}`,
      [
        display(candidate.table),
        displayDefinition(candidate),
        ...replaces.map((other) => `replaces ${display(other)}`),
      ],
      bytes(sizeBytes),
      percent(saves / advice.cost.before),
      upkeep === 0 ? '-' : percent(upkeep / saves),
      servedLines(serves),
    ]
  })
  return textTable(
    [
      { title: '#', align: 'right' },
      { title: 'create an index on', width: 44 },
      { title: 'size', align: 'right' },
      { title: 'saves', align: 'right' },
      { title: 'upkeep', align: 'right' },
      { title: 'cost of a call', width: 44 },
    ],
    rows,
  )
}

const mostServed = 3

function servedLines(serves: StatementCost[]): string[] {
  const shown = serves
    .toSorted((a, b) => gainOf(b) - gainOf(a))
    .slice(0, mostServed)
    .map(
      ({ statement, costBefore, costAfter }) =>
        `${statement.name}: ${round(costBefore)} -> ${round(costAfter)}`,
    )
  return serves.length > mostServed ? [...shown, `and ${serves.length - mostServed} more`] : shown
}

function dropTable({ drops }: Advice): string {
  return textTable(
    [
      { title: 'drop', width: 50 },
      { title: 'size', align: 'right' },
      { title: 'because', width: 58 },
    ],
    drops.map((index) => [display(index), bytes(index.sizeBytes), index.reason]),
  )
}

function unchangedLines({ statements }: Advice): string[] {
  const slower = statements.filter(({ costBefore, costAfter }) => costAfter > costBefore * 1.001)
  const unchanged = statements.filter(
    (each) => !slower.includes(each) && each.costAfter > each.costBefore * 0.999,
  )
  const names = (of: StatementCost[], text: (each: StatementCost) => string): string =>
    shortList(of.map((each) => oneLine(text(each))))
  return [
    ...(unchanged.length > 0
      ? [
          `Nothing gained: ${count(unchanged.length)}: ${names(unchanged, ({ statement }) => statement.name)}.`,
        ]
      : []),
    ...(slower.length > 0
      ? [
          `Slower, and worth it for the others: ${count(slower.length)}: ${names(
            slower,
            ({ statement, costBefore, costAfter }) =>
              `${statement.name} by ${percent(costAfter / costBefore - 1)}`,
          )}.`,
        ]
      : []),
  ]
}

function sizeText({ indexes, drops }: Advice): string {
  const built = indexes.reduce((sum, { index }) => sum + index.sizeBytes, 0)
  const freed = drops.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return `New indexes take ${bytes(built)}, dropped ones free ${bytes(freed)}.`
}

/** `No choice among these candidates is better by more than 0.00 %.` */
export function gapText({ gap }: Pick<Advice, 'gap'>): string {
  return `No choice among these candidates is better by more than ${(gap * 100).toFixed(2)} %.`
}

/** `The planner agrees with your database: 73 of 74 plans have the same shape, median difference of the cost 0.2 %.` */
export function agreementText({ compared, sameShape, medianCostError }: Agreement): string {
  if (compared === 0) return 'No plan could be compared with those of your database.'
  return `Compared with your database, ${sameShape} of ${compared} plans have the same shape; the median difference of the cost is ${percent(medianCostError)}.`
}

/** What stands above advice that is to be doubted. */
export function lowAgreement(agreement: Agreement): string {
  return `DOUBTFUL ADVICE: it was planned in a copy that does not plan like your database. ${agreementText(agreement)} Measure before you apply it.`
}

function count(number: number): string {
  return number === 1 ? '1 statement' : `${number.toLocaleString('en-US')} statements`
}

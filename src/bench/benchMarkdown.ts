import type { MeasuredOn } from './measuredOn.ts'
import type { BenchResult } from './result.ts'
import type { BenchRow } from './row.ts'
import { markdownTable } from '../report/markdownTable.ts'
import { amount, ratio } from '../report/units.ts'

/** A result as a Markdown table, below a line about the machine that it was measured on. */
export function benchMarkdown(result: BenchResult): string {
  const { rows, skipped } = result
  return [
    measuredText(result),
    '',
    markdownTable(
      ['what', 'before', 'after', 'ratio', "the plan's claim", 'met'],
      rows.map((row) => [
        row.title,
        amount(row.before, row.unit),
        amount(row.after, row.unit),
        ratio(row.ratio),
        row.claim,
        row.met ? 'yes' : 'no',
      ]),
      ['left', 'right', 'right', 'right', 'left', 'left'],
    ),
    ...skipped.map(({ id, reason }) => `\n\`${id}\` was not measured: ${reason}.`),
  ].join('\n')
}

/** When, on which machine and with how many rows a result was measured. */
export function measuredText({ size, takenAt, measuredOn }: BenchResult): string {
  return `Measured on ${takenAt.slice(0, 10)} on ${machineText(measuredOn)}; ${sizeText[size]}. Before and after in one run.`
}

/** How each row was measured, as a list. */
export function howMarkdown(rows: BenchRow[]): string {
  return rows
    .flatMap(({ id, how, buffers }) => {
      const touched = buffers
        ? `; buffers ${buffers.before.toLocaleString('en-US')} before, ${buffers.after.toLocaleString('en-US')} after`
        : ''
      return how ? [`- \`${id}\`: ${how}${touched}.`] : []
    })
    .join('\n')
}

/** How the values before and after grow from a smaller size of the data to a larger one, row by row. */
export function growthMarkdown(smaller: BenchResult, larger: BenchResult): string {
  const rows = larger.rows.flatMap((row) => {
    const small = smaller.rows.find(({ id }) => id === row.id)
    return small ? [[row.title, small, row] as const] : []
  })
  return markdownTable(
    [
      'what',
      `before, ${smaller.size}`,
      `before, ${larger.size}`,
      'grew',
      `after, ${smaller.size}`,
      `after, ${larger.size}`,
      'grew',
    ],
    rows.map(([title, small, large]) => [
      title,
      amount(small.before, small.unit),
      amount(large.before, large.unit),
      ratio(large.before / small.before),
      amount(small.after, small.unit),
      amount(large.after, large.unit),
      ratio(large.after / small.after),
    ]),
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  )
}

const sizeText = {
  tiny: '1,000 bookings and 3,000 messages',
  small: '100,000 bookings and 300,000 messages',
  medium: '1,000,000 bookings and 3,000,000 messages',
  large: '10,000,000 bookings and 30,000,000 messages',
}

/** `PostgreSQL 18.4, Node 20.20.2, 2 cores, 24 GB, linux x64` */
export function machineText({ postgresql, node, cores, memoryGb, platform }: MeasuredOn): string {
  const parts = [`Node ${node}`, `${cores} cores`, `${memoryGb} GB of memory`, platform]
  return [...(postgresql ? [`PostgreSQL ${postgresql}`] : []), ...parts].join(', ')
}

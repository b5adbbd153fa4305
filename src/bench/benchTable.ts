import Table from 'cli-table3'
import type { BenchRow } from './row.ts'
import { amount, ratio } from '../report/units.ts'

/** The rows as a table for a terminal: what, before, after, ratio, the plan's claim, met. */
export function benchTable(rows: BenchRow[]): string {
  const table = new Table({
    head: ['what', 'before', 'after', 'ratio', "the plan's claim", 'met'],
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
    style: { head: [], border: [] },
  })
  for (const row of rows) {
    table.push([
      row.title,
      amount(row.before, row.unit),
      amount(row.after, row.unit),
      ratio(row.ratio),
      row.claim,
      row.met ? 'yes' : 'no',
    ])
  }
  return table.toString()
}

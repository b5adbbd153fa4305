import Table from 'cli-table3'
import type { IndexGain, MigrationGain, StatementGain } from '../migrate/gain/verifyGain.ts'
import { duration } from './units.ts'

/** More statements of one migration are only counted; `--json` has all. */
const mostShown = 8
const widestQuery = 56

/**
 * What each migration brought, as a table for a terminal with a line below for what a table cannot say.
 *
 * ```
 * ✔ 20261124080000000_create-bookings-index  gained: its statements took 41 min less
 * ```
 */
export function gainText(gains: MigrationGain[]): string {
  if (gains.length === 0) return 'No migration is applied.\n'
  return gains.map((gain) => `${[headOf(gain), ...bodyOf(gain)].join('\n')}\n`).join('\n')
}

const marks: Record<MigrationGain['verdict'], string> = { gained: '✔', lost: '✘', unused: '·', unknown: '?' }

function headOf({ name, verdict, reason, savedMs }: MigrationGain): string {
  const balance =
    savedMs > 0
      ? `: its statements took ${duration(savedMs)} less`
      : savedMs < 0
        ? `: its statements took ${duration(-savedMs)} more`
        : ''
  const why = reason === undefined ? '' : `: ${reason}`
  return `${marks[verdict]} ${name}  ${verdict}${verdict === 'gained' || verdict === 'lost' ? balance : why}`
}

function bodyOf({ statements, indexes }: MigrationGain): string[] {
  const shown = statements.slice(0, mostShown)
  const hidden = statements.length - shown.length
  return [
    ...(shown.length > 0 ? [tableOf(shown)] : []),
    ...(hidden > 0 ? [`  and ${hidden} more; --json lists all`] : []),
    ...indexes.map(indexLine),
  ]
}

function tableOf(statements: StatementGain[]): string {
  const table = new Table({
    head: ['statement', 'calls', 'before', 'after', 'blocks', 'chance', 'verdict'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  })
  for (const each of statements) {
    const { query, calls, meanBefore, meanAfter, blocksBefore, blocksAfter, significance } = each
    table.push([
      query.length > widestQuery ? `${query.slice(0, widestQuery - 1)}…` : query,
      calls.toLocaleString('en-US'),
      meanBefore === null ? '-' : duration(meanBefore),
      meanAfter === null ? '-' : duration(meanAfter),
      `${blocks(blocksBefore)} -> ${blocks(blocksAfter)}`,
      significance === null ? '-' : chance(significance),
      each.verdict,
    ])
  }
  return table.toString()
}

function indexLine({ name, scans, verdict, takenBackFrom }: IndexGain): string {
  if (verdict === 'used') return `  index ${name}: ${(scans ?? 0).toLocaleString('en-US')} scans`
  if (verdict === 'unused') {
    return `  index ${name}: no scan yet; --take-back drops it from ${(takenBackFrom ?? '').slice(0, 10)} on if that stays so`
  }
  return `  index ${name}: ${scans === null ? 'not found' : 'too early to say whether it is used'}`
}

const blocks = (count: number | null): string =>
  count === null ? '-' : count.toLocaleString('en-US', { maximumFractionDigits: count < 100 ? 1 : 0 })

function chance(p: number): string {
  if (p < 0.0001) return '< 0.01 %'
  return `${(p * 100).toFixed(p < 0.01 ? 2 : 0)} %`
}

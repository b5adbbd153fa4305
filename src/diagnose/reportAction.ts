import type { Action } from '../rules/impact/actions.ts'
import { keyOf } from '../rules/rule.ts'
import { shellWord } from '../shellWord.ts'
import type { ReportAction } from './report.ts'

/** The action as a report has it; the operations of its migrations are for `optimize` to write. */
export function toReportAction(action: Action): ReportAction {
  const { rule, level, remedy, impact, tables, findings } = action
  return {
    ...{ rule, level, remedy, impact },
    title: titleOf(action),
    tables,
    ...(remedy === 'migration' ? { command: commandOf(action) } : {}),
    keys: findings.map(keyOf),
  }
}

/** `unindexed_foreign_keys: 3 on public.orders`, `... : 412 on 178 tables, the first public.orders`. */
function titleOf({ rule, tables, findings }: Action): string {
  const [first] = tables
  const about = `${rule}: ${findings.length}`
  if (first === undefined) return about
  if (tables.length === 1) return `${about} on ${first}`
  return `${about} on ${tables.length} tables, the first ${first}`
}

/** Writes the migrations of the action; what a pending migration does already is not written again. */
function commandOf({ rule, level, tables, schemas, standsOut }: Action): string {
  const [table] = tables
  const [schema] = schemas
  return [
    'npx hundredfold optimize',
    ...['--rules', rule],
    ...(standsOut && table !== undefined ? [`--table ${shellWord(table)}`] : []),
    ...(!standsOut && schemas.length === 1 && schema !== undefined ? [`--schema ${shellWord(schema)}`] : []),
    ...(level === 'info' ? ['--level info'] : []),
  ].join(' ')
}

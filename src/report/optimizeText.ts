import { toReportAction } from '../diagnose/reportAction.ts'
import { groupBy } from '../groupBy.ts'
import type { Skipped } from '../optimize/chooseOperations.ts'
import type { Action } from '../rules/impact/actions.ts'
import { defaultView, impactText, plural } from './diagnosis/actions.ts'
import { oneLine } from './diagnosis/cells.ts'

/** More lines hide the others; report and JSON list each. */
const mostSkipped = 20

/** What the migrations do, those that matter most first. */
export function writtenLines(actions: Action[]): string[] {
  const shown = actions.slice(0, defaultView.limit).map((action, at) => {
    const { level, title, impact } = toReportAction(action)
    return `${String(at + 1).padStart(3)}. ${level} ${oneLine(title)}: ${impactText(impact)}`
  })
  const more = actions.length - shown.length
  return [...shown, ...(more > 0 ? [`     and ${plural(more, 'action')} more`] : [])]
}

/** Why findings are not fixed: each of the first, and the others by rule. */
export function skippedLines(skipped: Skipped[]): string[] {
  const others = skipped.slice(mostSkipped)
  return [
    ...skipped.slice(0, mostSkipped).map(({ key, reason }) => `${oneLine(key)}: ${oneLine(reason)}`),
    ...(others.length > 0
      ? [`${plural(others.length, 'finding')} more, by rule; --json FILE lists each:`]
      : []),
    ...Array.from(
      groupBy(others, ({ rule }) => rule),
      ([rule, some]) => `${some.length} of ${rule}, the first since: ${oneLine(some[0].reason)}`,
    ),
  ]
}

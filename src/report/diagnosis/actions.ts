import type { DiagnosisReport, ReportAction, ReportFinding } from '../../diagnose/report.ts'
import type { Impact } from '../../rules/impact/impact.ts'
import { orderOfKinds } from '../../rules/impact/impact.ts'
import type { Level } from '../../rules/rule.ts'
import { isAtLeast } from '../../rules/rule.ts'
import { bytes, duration } from '../units.ts'
import { oneLine } from './cells.ts'

/** Which actions are listed; all are in report.json. */
export interface View {
  limit: number
  level: Level
}

/** A person reads ten, and notes are for later. */
export const defaultView: View = { limit: 10, level: 'warn' }

/** An action as a list shows it. */
export interface ListedAction {
  action: ReportAction
  /** The first of its findings, which says what is wrong. */
  first: ReportFinding
  /** `costs about 4.2 s of each hour (estimated)` */
  impact: string
  /** The command, or the first step for a person. */
  how: string
}

/** The actions that matter most, and how much is not among them. */
export interface FirstActions {
  listed: ListedAction[]
  /** Actions of that level beyond the limit. */
  more: number
  /** Findings of the listed actions. */
  findings: number
  /** Findings below the level, and those for which there is nothing to do. */
  left: number
}

/** What to do first: actions of that level or worse for which there is something to do. */
export function firstActions(
  { actions = [], findings }: DiagnosisReport,
  { limit, level }: View = defaultView,
): FirstActions {
  const byKey = new Map(findings.map((finding) => [finding.key, finding]))
  const wanted = actions.filter((action) => action.remedy !== 'none' && isAtLeast(action.level, level))
  const listed = wanted.slice(0, limit).flatMap((action): ListedAction[] => {
    const first = byKey.get(action.keys[0] ?? '')
    return first ? [{ action, first, impact: impactText(action.impact), how: howOf(action, first) }] : []
  })
  const count = (some: ReportAction[]): number => some.reduce((sum, { keys }) => sum + keys.length, 0)
  return {
    listed,
    more: wanted.length - listed.length,
    findings: count(listed.map(({ action }) => action)),
    left: findings.length - count(wanted),
  }
}

/** `costs about 4.2 s of each hour (estimated)`, `takes 84 MB (measured)`, or what may happen. */
export function impactText({ kind, value, basis, because }: Impact): string {
  const about = basis === 'estimated' ? 'about ' : ''
  if (kind === 'time') return `costs ${about}${duration(value ?? 0)} of each hour (${basis})`
  if (kind === 'space') return `takes ${about}${bytes(value ?? 0)} (${basis})`
  return because
}

function howOf({ command }: ReportAction, { remedy }: ReportFinding): string {
  return command ?? `${oneLine(remedy.title)}: steps in diagnostics-report.txt`
}

/** The list for a terminal and for text, what matters most first. */
export function actionLines(report: DiagnosisReport, view: View = defaultView): string[] {
  const { listed, more, findings, left } = firstActions(report, view)
  if (listed.length === 0)
    return left === 0 ? [] : [`Nothing to do at once; ${plural(left, 'finding')} below.`]
  return [
    `What to do first: ${plural(listed.length, 'action')} for ${plural(findings, 'finding')}`,
    ...listed.flatMap(({ action: { level, title }, first, impact, how }, at) => [
      `${String(at + 1).padStart(3)}. ${level} ${oneLine(title)}`,
      `     ${oneLine(first.detail)}`,
      `     ${impact}`,
      `     ${how}`,
    ]),
    ...restLines({ more, left }, view),
    ...(listed.length > 1 ? [orderOfKinds] : []),
  ]
}

/** What the list leaves out, and which option shows it. */
export function restLines(
  { more, left }: Pick<FirstActions, 'more' | 'left'>,
  { limit, level }: View = defaultView,
): string[] {
  return [
    ...(more > 0 ? [`${plural(more, 'action')} more: --limit ${limit + more} lists them.`] : []),
    ...(left > 0
      ? [
          `${plural(left, 'finding')} more ${left === 1 ? 'is' : 'are'} ${level === 'info' ? '' : 'below that level or '}without anything to do${level === 'info' ? '' : '; --level info lists what can be done'}.`,
        ]
      : []),
  ]
}

export function plural(count: number, word: string): string {
  return `${count.toLocaleString('en-US')} ${word}${count === 1 ? '' : 's'}`
}

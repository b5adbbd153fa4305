import type { IgnoreEntry } from '../rules/ignoreFile.ts'
import { ignorePath, sift } from '../rules/ignoreFile.ts'
import { isAtLeast } from '../rules/rule.ts'
import type { Finding, Level } from '../rules/rule.ts'
import type { Skipped } from './chooseOperations.ts'
import { skip, workOf } from './chooseOperations.ts'
import { leavePolicies } from './leavePolicies.ts'

/** Which findings are to be fixed. */
export interface Selection {
  selected: Finding[]
  /** Findings that the ignore file names, and those that cannot be fixed without fixing these too. */
  ignored: Skipped[]
  belowLevel: Finding[]
}

/**
 * Leaves out the findings that the ignore file names, and those below a level. A finding below the level is selected
 * nevertheless if a selected one needs the same migration (the index of a foreign key that a policy needs too).
 */
export function selectFindings(
  findings: Finding[],
  { ignore, level, today }: { ignore: IgnoreEntry[]; level: Level; today: Date },
): Selection {
  const { kept, ignored } = sift(ignore, findings, today)
  const named = ignored.map(({ finding, entry: { reason, expires } }) =>
    skip(finding, `${ignorePath} leaves it${expires === undefined ? '' : ` until ${expires}`}: ${reason}`),
  )
  const { free, bound } = leavePolicies(
    kept,
    ignored.map(({ finding }) => finding),
  )
  const isGrave = (finding: Finding): boolean => isAtLeast(finding.level, level)
  const wanted = new Set(free.filter(isGrave).flatMap(workFor))
  const isSelected = (finding: Finding): boolean =>
    isGrave(finding) || workFor(finding).some((work) => wanted.has(work))
  return {
    selected: free.filter(isSelected),
    ignored: [...named, ...bound],
    belowLevel: free.filter((finding) => !isSelected(finding)),
  }
}

function workFor({ remedy }: Finding): string[] {
  return remedy.kind === 'migration' ? [workOf(remedy.operation)] : []
}

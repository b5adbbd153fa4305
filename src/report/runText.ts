import type { CheckedCondition, Ran } from '../migrate/migration.ts'
import type { RunEvent } from '../migrate/runOptions.ts'
import { duration } from './units.ts'

/** One line for a person, or undefined where the event says nothing new. */
export function eventText(event: RunEvent): string | undefined {
  switch (event.kind) {
    case 'waiting':
      return `waiting for another run to end${event.holderPid ? ` (server process ${event.holderPid})` : ''}`
    case 'started':
      return event.resumed ? `${event.name}: an earlier run was interrupted here; going on` : undefined
    case 'statement':
      return undefined
    case 'retrying':
      return `${event.name}: the lock was not free; next try in ${duration(event.pauseMs)}, ${duration(event.remainingMs)} left`
    case 'heldUp':
      return `${event.name}: waiting, without queueing, for ${event.holder}; ${duration(Math.max(0, event.remainingMs))} left`
    case 'undoing':
      return `${event.name}: ${event.what}`
    case 'done':
      return ranText(event.ran)
    case 'leftTakenBack':
      return `${event.name}: not applied, since \`verify --gain --take-back\` took it back; \`up --to ${event.name}\` applies it again`
    case 'gainNotKept':
      return `No counters are kept for \`verify --gain\`: ${event.reason}.`
  }
}

/** `✔ 20261124080000000_create-index  up, 12 ms, 3 conditions hold` */
export function ranText(ran: Ran): string {
  const conditions = ran.conditions.filter(({ holds }) => holds).length
  const checked = conditions === 1 ? '1 condition holds' : `${conditions} conditions hold`
  const how = ran.adopted
    ? ran.direction === 'up'
      ? 'existed already, adopted'
      : 'existed before the migration, left as it is'
    : ran.direction
  // An adopted migration names what it found, where it expected nothing.
  const found = ran.conditions.flatMap(({ actual }) => (actual ? [`; found ${actual}`] : []))
  return `✔ ${ran.name}  ${how}, ${duration(ran.ms)}, ${checked}${found.join('')}`
}

/** A line per condition; a failed one says what was expected and found. */
export function conditionLines(conditions: CheckedCondition[]): string[] {
  return conditions.map((condition) =>
    condition.holds
      ? `  ✔ ${condition.description}`
      : `  ✘ ${condition.description}: expected ${condition.expected ?? ''}, found ${condition.actual ?? ''}`,
  )
}

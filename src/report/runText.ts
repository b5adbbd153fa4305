import type { CheckedCondition, Ran } from '../migrate/migration.ts'
import type { BatchEvent, RunEvent } from '../migrate/runOptions.ts'
import { display } from '../postgres/identifiers.ts'
import { bytes, duration } from './units.ts'

/** One line for a person, or undefined where the event says nothing new. */
export function eventText(event: RunEvent): string | undefined {
  switch (event.kind) {
    case 'waiting':
      return `waiting for another run to end${event.holderPid ? ` (server process ${event.holderPid})` : ''}`
    case 'started':
      return event.resumed ? `${event.name}: an earlier run was interrupted here; going on` : undefined
    case 'statement':
    // Its text is for the progress line.
    case 'batch':
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
      return `${event.name}: not applied, since \`migrate verify --gain --take-back\` took it back; \`up --to ${event.name}\` applies it again`
    case 'gainNotKept':
      return `No counters are kept for \`migrate verify --gain\`: ${event.reason}.`
  }
}

/**
 * `about 37 s left: public.reviews: 120,000 of about 1,000,000 rows, 24,000 a second`; a pause says what it waits for. What
 * changes most comes first, since a terminal cuts the line.
 */
export function batchText({ table, rows, rowsInAll, rowsPerSecond, leftMs, pause }: BatchEvent): string {
  const number = (value: number) => Math.round(value).toLocaleString('en-US')
  const left = leftMs === undefined ? '' : `about ${duration(Math.ceil(leftMs / 1_000) * 1_000)} left: `
  const waiting = pause ? `; ${pauseText(pause)}` : ''
  return `${left}${display(table)}: ${number(rows)} of about ${number(Math.max(rows, rowsInAll))} rows, ${number(rowsPerSecond)} a second${waiting}`
}

function pauseText(pause: NonNullable<BatchEvent['pause']>): string {
  switch (pause.for) {
    case 'replica':
      return `waiting for ${pause.replica.name}, which is ${bytes(pause.replica.bytes)} behind`
    case 'load':
      return 'slower, since other transactions take longer'
    case 'rate':
      return 'as fast as --max-rows-per-second allows'
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

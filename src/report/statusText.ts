import type { MigrationStatus } from '../migrate/history.ts'

const marks: Record<MigrationStatus['state'], string> = {
  applied: '✔',
  pending: '·',
  missing: '✘',
  changed: '✘',
  interrupted: '!',
}

/** A line per migration, and one that counts them. */
export function statusText(statuses: MigrationStatus[]): string {
  const lines = statuses.map(({ name, state, appliedAt, outOfOrder, takenBack }) => {
    const when = appliedAt ? ` at ${appliedAt}` : ''
    const note = outOfOrder
      ? ', but a later one is applied'
      : takenBack
        ? ', taken back by verify --gain'
        : ''
    return `${marks[state]} ${name}  ${state}${when}${note}`
  })
  const counts = new Map<string, number>()
  for (const { state } of statuses) counts.set(state, (counts.get(state) ?? 0) + 1)
  const summary = [...counts].map(([state, count]) => `${count} ${state}`).join(', ') || 'no migrations'
  return `${[...lines, summary].join('\n')}\n`
}

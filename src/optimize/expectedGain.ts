import type { Gain } from '../conditions/condition.ts'
import type { Operation } from '../operations/operation.ts'
import type { Traffic } from '../rules/impact/traffic.ts'
import { weighOne } from '../rules/impact/weigh.ts'
import type { Choice } from './chooseOperations.ts'
import type { Group } from './groupOperations.ts'

/**
 * Adds to each file what its findings cost today, where the counters have a figure for it. A finding that several files
 * fix together counts for the last of them only.
 */
export function withGains(groups: Group[], { cures }: Choice, traffic: Traffic): Group[] {
  const left = new Set(cures)
  return groups
    .toReversed()
    .map((group) => {
      const own = [...left].filter(({ operations }) =>
        operations.some((operation) => group.operations.includes(operation)),
      )
      own.forEach((cure) => left.delete(cure))
      const impacts = own.map(({ finding }) => weighOne(finding, traffic).impact)
      const sum = (kind: 'time' | 'space'): number =>
        impacts.reduce((all, impact) => all + (impact.kind === kind ? (impact.value ?? 0) : 0), 0)
      return withGain(group, [
        ...group.operations.flatMap(({ gain }) => gain ?? []),
        { msPerHour: sum('time'), bytes: sum('space') },
      ])
    })
    .toReversed()
}

function withGain(group: Group, gains: Gain[]): Group {
  const sum = (name: keyof Gain): Gain => {
    const value = Math.round(gains.reduce((all, gain) => all + (gain[name] ?? 0), 0))
    return value > 0 ? { [name]: value } : {}
  }
  const gain = { ...sum('msPerHour'), ...sum('bytes'), ...sum('costBefore'), ...sum('costAfter') }
  if (Object.keys(gain).length === 0) return group
  const operation: Operation = { ...group.operation, gain }
  return { ...group, operation }
}

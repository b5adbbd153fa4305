import type { ConditionCall, Operation } from '../operations/operation.ts'
import type { Group } from './groupOperations.ts'

/** Where an operation stands among all of them: the lower, the more it matters. */
export type RankOf = (operation: Operation) => number

/**
 * Puts the files that matter most first, and before each of them what has to run earlier: what it requires; the drop of
 * a policy before the one that says the same is rewritten; policies of a table before those that read it; the drop of an index before the one that does its work is
 * dropped too.
 */
export function orderGroups(groups: Group[], rankOf: RankOf): Group[] {
  const ranks = new Map(groups.map((group) => [group, Math.min(...group.operations.map(rankOf))] as const))
  const sorted = groups.toSorted((one, other) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0))
  const providers = new Map(groups.flatMap((group) => group.operation.ids.map((id) => [id, group] as const)))
  const relying = new Map<string, Group[]>()
  for (const group of groups)
    for (const index of group.operations.flatMap(reliesOn))
      relying.set(index, [...(relying.get(index) ?? []), group])
  const altering = groupsAltering(groups)
  const policyDrops = sorted.filter(({ operation }) => operation.kind === 'dropDuplicatePolicy')

  const ordered = new Set<Group>()
  const onTheWay = new Set<Group>()
  const add = (group: Group): void => {
    if (ordered.has(group) || onTheWay.has(group)) return
    onTheWay.add(group)
    for (const { requires = [] } of group.operations)
      for (const id of requires.flatMap(({ ids }) => ids)) {
        const provider = providers.get(id)
        if (provider) add(provider)
      }
    for (const index of group.operations.flatMap(drops)) relying.get(index)?.forEach(add)
    if (group.operation.kind === 'alterPolicies') {
      policyDrops.forEach(add)
      for (const table of group.operations.flatMap(follows)) altering.get(table)?.forEach(add)
    }
    ordered.add(group)
  }
  sorted.forEach(add)
  return [...ordered]
}

function groupsAltering(groups: Group[]): Map<string, Group[]> {
  const altering = new Map<string, Group[]>()
  for (const group of groups)
    for (const { kind, on } of group.operations)
      if (kind === 'alterPolicies')
        altering.set(JSON.stringify(on), [...(altering.get(JSON.stringify(on)) ?? []), group])
  return altering
}

/** Tables whose policies have to be rewritten before. */
function follows({ altersPolicies }: Operation): string[] {
  const tables = altersPolicies?.alterations.flatMap((each) => each.follows ?? []) ?? []
  return tables.map(({ schema, name }) => JSON.stringify([schema, name]))
}

/** The index that has to be there while another one is dropped. */
function reliesOn({ kind, after }: Operation): string[] {
  return kind === 'dropIndex' ? indexesIn(after, 'indexIsValid') : []
}

function drops({ kind, before }: Operation): string[] {
  return kind === 'dropIndex' ? indexesIn(before, 'indexIs') : []
}

function indexesIn(calls: ConditionCall[], name: string): string[] {
  return calls.flatMap(({ condition, args }) => {
    const index = args[0] as { schema: string; name: string } | undefined
    return condition === name && index ? [JSON.stringify([index.schema, index.name])] : []
  })
}

import { qualified } from '../../postgres/identifiers.ts'
import { call } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Hazards } from './hazards.ts'
import type { Reach } from './reach.ts'
import { callsReached } from './reach.ts'

/** Calls that tell who is calling: `"auth"."uid"()`. */
export function claimReaders({ byName }: Reach, hazards: Hazards): string[] {
  return [...byName.values()].flat().flatMap((each) => {
    const isReader = each.argumentTypes.length === 0 && !each.returnsSet && each.kind === 'f'
    return isReader && hazards.readsOnlySettings(call([each.schema, each.name]))
      ? [`${qualified(each)}()`]
      : []
  })
}

/** Tells whether evaluating an expression may come to one of the calls; remembers what each expression reaches. */
export function reachesCalls(reach: Reach): (tree: Node, calls: string[]) => boolean {
  const reached = new WeakMap<Node, Set<string>>()
  return (tree, calls) => {
    const found = reached.get(tree) ?? callsReached(tree, reach)
    reached.set(tree, found)
    return calls.some((each) => found.has(each))
  }
}

import type { Operation } from '../operations/operation.ts'
import type { Action } from '../rules/impact/actions.ts'
import { groupIntoActions } from '../rules/impact/actions.ts'
import type { Traffic } from '../rules/impact/traffic.ts'
import { weighOne } from '../rules/impact/weigh.ts'
import { keyOf } from '../rules/rule.ts'
import type { Choice } from './chooseOperations.ts'
import { skip } from './chooseOperations.ts'
import type { RankOf } from './orderGroups.ts'

/** A choice whose order is known. */
export interface Ranked {
  choice: Choice
  /** What the migrations do, those that matter most first. */
  actions: Action[]
  rankOf: RankOf
}

/**
 * Puts what is to be written in the order of its impact, and leaves out all but the first actions where there is a
 * limit. A finding of another action that one of these fixes too stays.
 */
export function rankChoice(choice: Choice, traffic: Traffic, limit = Infinity): Ranked {
  const all = groupIntoActions(choice.cures.map(({ finding }) => weighOne(finding, traffic)))
  const wanted = new Set(all.slice(0, limit).flatMap(({ findings }) => findings.map(keyOf)))
  const operations = new Set(
    choice.cures.flatMap((cure) => (wanted.has(keyOf(cure.finding)) ? cure.operations : [])),
  )
  const isKept = (cure: Choice['cures'][number]): boolean =>
    cure.operations.every((operation) => operations.has(operation))
  const cures = choice.cures.filter(isKept)
  const places = new Map(all.flatMap(({ findings }) => findings).map((finding, at) => [keyOf(finding), at]))
  const numbers = new Map(all.flatMap(({ findings }, at) => findings.map((each) => [keyOf(each), at + 1])))
  const late = choice.cures.filter((cure) => !isKept(cure))
  const ranks = new Map<Operation, number>()
  for (const { finding, operations: fixing } of cures) {
    const place = places.get(keyOf(finding)) ?? Infinity
    for (const operation of fixing) ranks.set(operation, Math.min(place, ranks.get(operation) ?? Infinity))
  }
  return {
    choice: {
      operations: choice.operations.filter((operation) => operations.has(operation)),
      cures,
      skipped: [
        ...choice.skipped,
        ...late.map(({ finding }) =>
          skip(
            finding,
            `beyond --limit ${limit}: action ${numbers.get(keyOf(finding)) ?? 0} of ${all.length}`,
          ),
        ),
      ],
    },
    actions: all.slice(0, limit),
    rankOf: (operation) => ranks.get(operation) ?? Infinity,
  }
}

import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { statisticsAreThere } from '../catalog/statistics.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the extended-statistics object exists. */
export function statisticsExist(name: RelationName): Condition {
  return {
    description: `statistics ${display(name)} exist`,
    check: async (db) =>
      (await statisticsAreThere(db, name)) ? holds : fails('extended statistics', 'no such statistics'),
  }
}

/** Holds when no extended-statistics object has that name. */
export function statisticsAreAbsent(name: RelationName): Condition {
  return {
    description: `statistics ${display(name)} are absent`,
    check: async (db) =>
      (await statisticsAreThere(db, name)) ? fails('no such statistics', 'extended statistics') : holds,
  }
}

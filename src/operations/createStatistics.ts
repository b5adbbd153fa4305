import { statisticsAreAbsent, statisticsExist } from '../conditions/statistics.ts'
import { columnsExist } from '../conditions/tables.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { claimIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Lets the planner know that columns depend on each other.
 *
 * ```sql
 * CREATE STATISTICS "public"."bookings_city_currency_stat" (ndistinct, dependencies, mcv)
 *   ON "city", "currency" FROM "public"."bookings"
 * ANALYZE "public"."bookings"
 * -- down
 * DROP STATISTICS "public"."bookings_city_currency_stat"
 * ```
 */
export function createStatistics({
  table,
  columns,
  takenNames,
  ...reason
}: Reason & {
  table: RelationName
  columns: string[]
  /** Names that are taken in the table's schema; ours is added to them. */
  takenNames: Set<string>
}): Operation {
  const name = claimIdentifier([table.name, ...columns].join('_'), '_stat', takenNames)
  const statistics = { schema: table.schema, name }
  return {
    ...work('createStatistics', table, columns),
    on: [table.schema, table.name],
    title: operationTitle('create', statistics.name),
    ...reason,
    up: [
      `CREATE STATISTICS ${qualified(statistics)} (ndistinct, dependencies, mcv) ` +
        `ON ${columns.map(quote).join(', ')} FROM ${qualified(table)}`,
      `ANALYZE ${qualified(table)}`,
    ],
    down: [`DROP STATISTICS ${qualified(statistics)}`],
    before: [condition(columnsExist, table, columns), condition(statisticsAreAbsent, statistics)],
    after: [condition(statisticsExist, statistics)],
  }
}

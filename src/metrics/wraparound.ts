import type { DatabaseAge } from '../catalog/databaseAges.ts'

/** Ids wrap around at 2^31; the server refuses new ones when 3 million are left, for transactions and multixacts alike. */
const refusedAfter = 2 ** 31 - 3_000_000

/** Per cent of the ids that are used, of the worst database of the server: ids are shared, so it counts for all. */
export function wraparoundUsage(
  ages: readonly DatabaseAge[],
  age: (database: DatabaseAge) => number,
): number | undefined {
  if (ages.length === 0) return undefined
  return (100 * Math.max(...ages.map(age))) / refusedAfter
}

import { groupBy } from '../groupBy.ts'

/** Groups indexes, or whatever else belongs to tables, by the oid of their table. */
export function byTable<T extends { tableOid: number }>(all: T[]): Map<number, T[]> {
  return groupBy(all, ({ tableOid }) => tableOid)
}

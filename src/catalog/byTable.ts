import { groupBy } from '../groupBy.ts'

/** The indexes, or whatever else belongs to tables, of each table, by the table's oid. */
export function byTable<T extends { tableOid: number }>(all: T[]): Map<number, T[]> {
  return groupBy(all, ({ tableOid }) => tableOid)
}

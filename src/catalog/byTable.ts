/** The indexes, or whatever else belongs to tables, of each table, by the table's oid. */
export function byTable<T extends { tableOid: number }>(all: T[]): Map<number, T[]> {
  const tables = new Map<number, T[]>()
  for (const one of all) {
    const known = tables.get(one.tableOid)
    if (known) known.push(one)
    else tables.set(one.tableOid, [one])
  }
  return tables
}

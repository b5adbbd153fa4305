import type { IndexChange } from './indexChanges.ts'

/** What belongs into the tables of Drizzle: their code is not edited. */
export function drizzleLines(changes: IndexChange[]): string[] {
  return changes.map((change) => {
    if (change.kind === 'dropped') return `remove index(${string(change.index.name)})`
    const where = `table ${change.table.schema}.${change.table.name}`
    if (change.plain === undefined) return `${where}: an index that is ${change.sql}`
    const { columns, method } = change.plain
    const list = columns.map(
      ({ name, descending }) => `t[${string(name)}]${descending ? '.desc().nullsFirst()' : ''}`,
    )
    const on =
      method === 'btree' ? `.on(${list.join(', ')})` : `.using(${string(method)}, ${list.join(', ')})`
    return `${where}: index(${string(change.name)})${on}.concurrently()`
  })
}

function string(text: string): string {
  return `'${JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"')
    .replaceAll("'", String.raw`\'`)}'`
}

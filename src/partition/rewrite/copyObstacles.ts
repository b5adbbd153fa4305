import type { WholeTable } from '../../catalog/wholeTable.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { Obstacle } from '../obstacles.ts'

/** What stands in the way of a copy, beside what no partitioned table can have. */
export function copyObstaclesOf(table: WholeTable): Obstacle[] {
  const primaryKey = table.constraints.find(({ kind }) => kind === 'p')?.columns ?? []
  return [
    ...table.columns
      .filter(({ name, type }) => primaryKey.includes(name) && type.endsWith('.citext'))
      .map(({ name }) => ({
        name: `${display(table)}.${displayIdentifier(name)}`,
        reason: 'a part of the primary key is citext, by whose operators the mirror cannot look rows up',
        acceptable: false,
      })),
    ...(table.constraints.some(({ kind }) => kind === 'p')
      ? []
      : [
          {
            name: display(table),
            reason: 'it has no primary key, by which each of its rows could be found in the copy',
            acceptable: false,
          },
        ]),
    ...table.materializedViews.map((view) => ({
      name: display(view),
      reason: 'a materialized view that reads the table; only the way that copies no row builds it again',
      acceptable: false,
    })),
    ...table.keysIn
      .filter(({ table: from }) => from.schema === table.schema && from.name === table.name)
      .map(({ name }) => ({
        name,
        reason: 'a foreign key of the table to itself, which only the way that copies no row keeps',
        acceptable: false,
      })),
    ...table.publications
      .filter(({ namesTable }) => !namesTable)
      .map(({ name }) => ({
        name,
        reason:
          'it publishes all tables, and so the copy too while it is filled: a subscriber without that table stops',
        acceptable: true,
      })),
  ]
}

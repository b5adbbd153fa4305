import type { WholeTable } from '../../catalog/wholeTable.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Obstacle } from '../obstacles.ts'

/** What stands in the way of a copy, beside what no partitioned table can have. */
export function copyObstaclesOf(table: WholeTable): Obstacle[] {
  return [
    ...(table.constraints.some(({ kind }) => kind === 'p')
      ? []
      : [
          {
            name: display(table),
            reason: 'it has no primary key, by which each of its rows could be found in the copy',
            acceptable: false,
          },
        ]),
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

import { indexIsAbsent } from '../conditions/indexes.ts'
import type { KeptParts } from '../conditions/wholeTables.ts'
import { tableKeeps } from '../conditions/wholeTables.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { editIndex } from './editSql.ts'
import type { Subject } from './subject.ts'
import { helperSchema, oursUntilSwap } from './subject.ts'
import { takeBackProcedure } from './takeBack.ts'

/**
 * Builds the unique indexes that a partitioned table needs: they contain the key. `down` is the end of the way back: it
 * moves the rows of the partitions into the table, and puts its foreign keys and triggers back.
 *
 * ```sql
 * CREATE UNIQUE INDEX CONCURRENTLY bookings_id_booking_date_key ON bookings (id, booking_date);
 * ```
 */
export async function uniqueKeys(subject: Subject, digests: KeptParts): Promise<Operation> {
  const { table, key, unique, functions } = subject
  const name = { schema: table.schema, name: table.name }
  const builds: string[] = []
  for (const { index, prepared } of unique) {
    builds.push(await editIndex(index.definition, { name: prepared, table, also: key, concurrently: true }))
  }
  const takeBack = `${quote(helperSchema)}.${quote(functions.takeBack)}()`
  return {
    ...work('partitionTable', 'unique', name, key),
    on: [table.schema, table.name],
    title: operationTitle('prepare', table.name, 'for', 'partitions'),
    rule: 'partition_candidate',
    why:
      `The unique constraints of a partitioned table contain its key, ${key}: their indexes are built before ` +
      `${display(table)} changes. The procedure is for the way back: it moves rows out of the partitions, in short transactions.`,
    up: [...builds, await takeBackProcedure(subject), `REVOKE ALL ON PROCEDURE ${takeBack} FROM PUBLIC`],
    down: [
      `CALL ${takeBack}`,
      `DROP PROCEDURE ${takeBack}`,
      ...unique.map(
        ({ prepared }) => `DROP INDEX CONCURRENTLY IF EXISTS ${qualified({ ...name, name: prepared })}`,
      ),
    ],
    before: [
      ...unique.map(({ prepared }) => condition(indexIsAbsent, { schema: table.schema, name: prepared })),
      condition(tableKeeps, name, digests, key, oursUntilSwap(subject)),
    ],
    after: [],
    noTransaction: 'CREATE INDEX CONCURRENTLY cannot run inside one.',
  }
}

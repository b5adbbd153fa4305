import type { ClientBase } from 'pg'

/**
 * Hides indexes from the planner and shows them again, within a transaction that is rolled back: an index that is not
 * valid is none to it.
 *
 * @param oids of indexes whose validity changes
 */
export async function toggleIndexes(session: ClientBase, oids: readonly number[]): Promise<void> {
  if (oids.length === 0) return
  await session.query(
    'UPDATE pg_catalog.pg_index SET indisvalid = NOT indisvalid WHERE indexrelid = ANY ($1::oid[])',
    [oids],
  )
}

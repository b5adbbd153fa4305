import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/**
 * Runs `look` inside the current transaction and undoes whatever it set; where it fails, the transaction goes on as
 * if nothing had been asked.
 *
 * ```sql
 * SAVEPOINT hundredfold_look; ...; ROLLBACK TO SAVEPOINT hundredfold_look; RELEASE SAVEPOINT hundredfold_look;
 * ```
 */
export async function underSavepoint<T>(db: Database, look: () => Promise<T>): Promise<T> {
  await sql`SAVEPOINT hundredfold_look`.execute(db)
  try {
    return await look()
  } finally {
    await sql`ROLLBACK TO SAVEPOINT hundredfold_look`.execute(db)
    await sql`RELEASE SAVEPOINT hundredfold_look`.execute(db)
  }
}

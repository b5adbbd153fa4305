import { sql } from './sql.ts'
import type { Database } from './database.ts'
import { errorCode, isConnectionLost } from './sqlState.ts'

const begin = sql.raw('SAVEPOINT hundredfold_look')
/** Undoes everything since the savepoint; a transaction that an error aborted can be used again. */
export const rollbackText = 'ROLLBACK TO SAVEPOINT hundredfold_look'
const rollback = sql.raw(rollbackText)
const release = sql.raw('RELEASE SAVEPOINT hundredfold_look')

/** How often the rollback is tried: a short statement timeout that the look has set still applies to it. */
const mostTries = 20

/**
 * Runs `look` inside the current transaction and undoes whatever it did and set. If it fails, the transaction goes on
 * as if nothing had happened. Looks may be nested.
 *
 * ```sql
 * SAVEPOINT hundredfold_look; ...; ROLLBACK TO SAVEPOINT hundredfold_look; RELEASE SAVEPOINT hundredfold_look;
 * ```
 *
 * @throws what `look` throws, even if the session was lost
 */
export async function underSavepoint<T>(db: Database, look: () => Promise<T>): Promise<T> {
  await begin.execute(db)
  return thenUndo(look, () => undo(db))
}

/** Runs a look and undoes whatever it did and set. */
export type Under = <T>(look: () => Promise<T>) => Promise<T>

/**
 * Like `underSavepoint`, for many looks in turn that share one savepoint, which saves two requests per look. What `work`
 * does between the looks is undone too.
 *
 * ```sql
 * SAVEPOINT hundredfold_look; ...; ROLLBACK TO SAVEPOINT hundredfold_look; ...; ROLLBACK TO SAVEPOINT hundredfold_look; ...
 * ```
 */
export async function underOneSavepoint<T>(db: Database, work: (under: Under) => Promise<T>): Promise<T> {
  return underSavepoint(db, () => work((look) => thenUndo(look, () => goBack(db))))
}

/**
 * The same for looks that set nothing: only what follows a look that failed begins at the savepoint again, which saves a
 * request for each of the others.
 */
export async function underOneSavepointUntilFailure<T>(
  db: Database,
  work: (under: Under) => Promise<T>,
): Promise<T> {
  return underSavepoint(db, () =>
    work(async (look) => {
      try {
        return await look()
      } catch (error) {
        const undone = goBack(db)
        await (isConnectionLost(error) ? undone.catch(() => undefined) : undone)
        throw error
      }
    }),
  )
}

async function thenUndo<T>(look: () => Promise<T>, takeBack: () => Promise<void>): Promise<T> {
  let result: T
  try {
    result = await look()
  } catch (error) {
    const undone = takeBack()
    // A lost session has no savepoint to return to; the first error says why.
    await (isConnectionLost(error) ? undone.catch(() => undefined) : undone)
    throw error
  }
  await takeBack()
  return result
}

async function undo(db: Database): Promise<void> {
  await goBack(db)
  await release.execute(db)
}

async function goBack(db: Database): Promise<void> {
  for (let turn = 1; ; turn += 1) {
    try {
      await rollback.execute(db)
      return
    } catch (error) {
      if (errorCode(error) !== '57014' || turn === mostTries) throw error
    }
  }
}

/** Runs `work` under a savepoint and keeps what it did, unless it fails: then it is undone. */
export async function atomically<T>(db: Database, work: () => Promise<T>): Promise<T> {
  await begin.execute(db)
  try {
    const result = await work()
    await release.execute(db)
    return result
  } catch (error) {
    await undo(db)
    throw error
  }
}

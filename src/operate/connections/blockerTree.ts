import type { LockWait } from '../../catalog/lockWaits.ts'

/** A session in a queue for locks, and those that wait for it. */
export interface Blocker {
  /** 0 for a prepared transaction, which has no session. */
  pid: number
  /** What it waits for itself; undefined at the head of a queue. */
  wait: LockWait | undefined
  waiting: Blocker[]
}

/**
 * Who waits for whom, as trees: at the head of each a session that waits for nobody. A session that waits for several
 * stands below each of them; how many wait in all is in `countWaiting`. Sessions that wait for each other in a circle (a
 * deadlock that PostgreSQL has not ended yet) stand in a tree under the first of them.
 *
 * ```
 * 411 idle in transaction
 * └ 502 ALTER TABLE waits 12 s for AccessExclusiveLock on bookings
 *   └ 618 SELECT waits 11 s for AccessShareLock on bookings
 * ```
 */
export function blockerTrees(waits: readonly LockWait[]): Blocker[] {
  const waitOf = new Map(waits.map((wait) => [wait.pid, wait]))
  const heads = new Set(waits.flatMap(({ blockedBy }) => blockedBy).filter((pid) => !waitOf.has(pid)))
  const seen = new Set<number>()
  const treeOf = (pid: number, above: readonly number[]): Blocker => {
    seen.add(pid)
    const path = [...above, pid]
    const waiting = waits
      .filter((wait) => wait.blockedBy.includes(pid) && !path.includes(wait.pid))
      .map((wait) => treeOf(wait.pid, path))
    return { pid, wait: waitOf.get(pid), waiting }
  }
  const trees = Array.from(heads, (pid) => treeOf(pid, []))
  for (const { pid } of waits) if (!seen.has(pid)) trees.push(treeOf(pid, []))
  return trees.sort((one, other) => countWaiting(other) - countWaiting(one) || one.pid - other.pid)
}

/** The different sessions below it. */
export function countWaiting(blocker: Blocker): number {
  const below = new Set<number>()
  const collect = ({ waiting }: Blocker): void => {
    for (const each of waiting) {
      below.add(each.pid)
      collect(each)
    }
  }
  collect(blocker)
  return below.size
}

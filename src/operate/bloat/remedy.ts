/** How space can be given back. */
export type RemedyKind = 'vacuum' | 'reindex' | 'full' | 'repack'

/** What a remedy does to others, and what it needs. */
export interface Remedy {
  kind: RemedyKind
  /** The lock, and whom it stops. */
  lock: string
  /** Disk space that has to be free while it works, in bytes. */
  needsBytes: number
  /** An estimate. */
  takesMs: number
  /** Bytes that come back. */
  returnsBytes: number
}

/** What is known of a table's bloat, in bytes. */
export interface Space {
  heapBytes: number
  toastBytes: number
  indexBytes: number
  heapWasted: number
  toastWasted: number
  indexWasted: number
}

/** Bytes a second that PostgreSQL reads, sorts and writes on a common disk; a rough figure, and so are the times. */
const readRate = 200 * 1_048_576
const writeRate = 60 * 1_048_576

/** What each remedy would do with a table. */
export function remedyOf(kind: RemedyKind, space: Space): Remedy {
  const { heapBytes, toastBytes, indexBytes, heapWasted, toastWasted, indexWasted } = space
  const kept = heapBytes + toastBytes - heapWasted - toastWasted
  const keptIndexes = indexBytes - indexWasted
  switch (kind) {
    case 'vacuum':
      return {
        ...{ kind, lock: 'SHARE UPDATE EXCLUSIVE: nobody waits', needsBytes: 0 },
        takesMs: (1_000 * (heapBytes + indexBytes)) / readRate,
        // Only pages at the very end can be cut off.
        returnsBytes: 0,
      }
    case 'reindex':
      return {
        ...{ kind, lock: 'SHARE UPDATE EXCLUSIVE: reads and writes go on' },
        needsBytes: keptIndexes,
        // A concurrent build reads the table twice.
        takesMs: 1_000 * ((2 * heapBytes) / readRate + keptIndexes / writeRate),
        returnsBytes: indexWasted,
      }
    case 'full':
      return {
        ...{ kind, lock: 'ACCESS EXCLUSIVE: everybody waits until it ends' },
        needsBytes: kept + keptIndexes,
        takesMs: 1_000 * (heapBytes / readRate + (kept + keptIndexes) / writeRate),
        returnsBytes: heapWasted + toastWasted + indexWasted,
      }
    case 'repack':
      return {
        ...{ kind, lock: 'ACCESS EXCLUSIVE for moments at the beginning and the end' },
        needsBytes: kept + keptIndexes,
        takesMs: 1_000 * (heapBytes / readRate + (1.5 * (kept + keptIndexes)) / writeRate),
        returnsBytes: heapWasted + toastWasted + indexWasted,
      }
  }
}

/** Less is not worth a lock. */
const leastBytes = 8 * 1_048_576
/** Random inserts keep a B-tree about a third empty: that is no bloat. */
export const leastIndexShare = 0.4
const leastShare = 0.2

/** The right one; undefined where nothing is worth doing. */
export function chooseRemedy(
  space: Space,
  can: { repack: boolean; deadRows: number; rows: number },
): RemedyKind | undefined {
  const { heapBytes, toastBytes, heapWasted, toastWasted, indexBytes, indexWasted } = space
  const wasted = heapWasted + toastWasted
  if (wasted >= leastBytes && wasted >= leastShare * (heapBytes + toastBytes))
    return can.repack ? 'repack' : 'full'
  if (indexWasted >= leastBytes && indexWasted >= leastIndexShare * indexBytes) return 'reindex'
  if (can.deadRows >= 10_000 && can.deadRows >= leastShare * can.rows) return 'vacuum'
  return undefined
}

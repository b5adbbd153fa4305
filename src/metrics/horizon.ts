import type { HorizonHolder } from '../catalog/xminHorizon.ts'

/** The one that holds VACUUM back, and what ending it would bring. */
export interface Horizon {
  holder: HorizonHolder
  /** Transactions whose dead rows VACUUM could remove if this one ended; the next one holds back the rest. */
  gain: number
  /** The one that would hold VACUUM back then. */
  next: HorizonHolder | undefined
}

/**
 * Of all that hold back rows of tables, the oldest: nothing helps before it ends. A snapshot begins at the oldest
 * transaction that runs, so several are equally old: the cause is the one whose own transaction that is, else the one
 * that has been open longest. Undefined if there is none.
 */
export function findHorizon(holders: readonly HorizonHolder[]): Horizon | undefined {
  const [holder, next] = holders
    .filter(({ keepsUserRows }) => keepsUserRows)
    .sort(
      (a, b) => b.age - a.age || Number(b.isOwn) - Number(a.isOwn) || (b.seconds ?? -1) - (a.seconds ?? -1),
    )
  if (!holder) return undefined
  return { holder, next, gain: holder.age - (next?.age ?? 0) }
}

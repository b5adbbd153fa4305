import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { askAutovacuumToYield } from './autovacuum.ts'
import type { Holder } from './holders.ts'
import { findHolders } from './holders.ts'
import type { LockTarget } from './targets.ts'

/** What a wait came to; `longestMs` is how old the oldest transaction was that had been in the way, 0 if none had. */
export type Clearance =
  | { kind: 'clear'; longestMs: number }
  /** There is always somebody, but nobody stays. */
  | { kind: 'traffic'; longestMs: number }
  | { kind: 'outOfTime'; holders: Holder[] }

export interface Patience {
  remainingMs(): number
  signal?: AbortSignal
  /** Called at every look that shows somebody in the way, with the one who is there longest. */
  onHolder?: (holder: Holder) => void
}

/** Somebody in the way. */
interface SeenHolder extends Holder {
  /** Its age, as far as it is known. */
  ageMs: number
  /** The role may not see its age, and we did not see it come: it is in the way until it is gone. */
  isOfUnknownAge: boolean
}

/** Who turns up after so long without a look may have been there for as long. */
const unseenMs = 100
const firstPauseMs = 5
const longestPauseMs = 33

/**
 * Looks at who holds conflicting locks. We ask for no lock by looking: nobody waits behind us.
 *
 * A transaction is expected to last as long again as it has lasted, so one that is younger than half of the next
 * attempt's lock timeout is not in the way. Where transactions overlap without a gap, but none of them gets as old as
 * the longest lock timeout, an attempt gets its lock in that time. That is traffic: nobody waits behind us for longer than
 * its transactions last.
 */
export class LockWatch {
  readonly #client: ClientBase
  readonly #longestTimeoutMs: number
  /** When each transaction was seen first: its least age, where the role may not see more. */
  readonly #firstSeen = new Map<string, { at: number; isOfUnknownAge: boolean }>()
  readonly #askedToYield = new Set<string>()
  #lastLook = -Infinity
  #isTraffic = false

  constructor(client: ClientBase, longestTimeoutMs: number) {
    this.#client = client
    this.#longestTimeoutMs = longestTimeoutMs
  }

  /** Those in the way of an attempt with that lock timeout, the oldest first. */
  async look(
    targets: LockTarget[],
    timeoutMs: number,
    cameUnseen = this.#lastLook === -Infinity,
  ): Promise<SeenHolder[]> {
    const holders = await findHolders(this.#client, targets)
    const now = performance.now()
    this.#lastLook = now
    const tolerableMs = this.#isTraffic ? this.#longestTimeoutMs : timeoutMs / 2
    return holders
      .map((holder): SeenHolder => {
        const { transaction, openMs } = holder
        const first = this.#firstSeen.get(transaction) ?? {
          at: now,
          isOfUnknownAge: openMs === null && cameUnseen,
        }
        this.#firstSeen.set(transaction, first)
        const seenMs = now - first.at
        return {
          ...holder,
          seenMs,
          ageMs: Math.max(openMs ?? 0, seenMs),
          isOfUnknownAge: first.isOfUnknownAge,
        }
      })
      .filter(({ ageMs, isOfUnknownAge }) => ageMs > tolerableMs || isOfUnknownAge)
      .sort((a, b) => b.ageMs - a.ageMs)
  }

  /** Looks until nobody is in the way, it turns out to be traffic, or time is up. The session is in no transaction. */
  async waitUntilClear(targets: LockTarget[], timeoutMs: number, patience: Patience): Promise<Clearance> {
    this.#isTraffic = false
    let trafficSince = performance.now()
    let trafficMs = 0
    let longestMs = 0
    for (let looks = 0; ; looks += 1) {
      const cameUnseen = looks === 0 && performance.now() - this.#lastLook > unseenMs
      const inTheWay = await this.look(targets, timeoutMs, cameUnseen)
      const [oldest] = inTheWay
      if (!oldest) return { kind: 'clear', longestMs }
      if (patience.remainingMs() <= 0) return { kind: 'outOfTime', holders: inTheWay }
      longestMs = Math.max(longestMs, oldest.ageMs)
      if (oldest.ageMs >= this.#longestTimeoutMs) {
        trafficSince = performance.now()
        trafficMs = 0
      } else {
        trafficMs = Math.max(trafficMs, oldest.ageMs)
        this.#isTraffic = performance.now() - trafficSince > this.#longestTimeoutMs
        if (this.#isTraffic) return { kind: 'traffic', longestMs: trafficMs }
      }
      patience.onHolder?.(oldest)
      if (await this.#autovacuumYields(targets, inTheWay)) continue
      await sleep(pauseAfter(looks), undefined, patience.signal ? { signal: patience.signal } : {})
    }
  }

  /** If nobody but autovacuum is in the way, asks each worker once to give way. */
  async #autovacuumYields(targets: LockTarget[], holders: Holder[]): Promise<boolean> {
    if (!holders.every(({ isAutovacuum }) => isAutovacuum)) return false
    const worker = holders.find(({ transaction }) => !this.#askedToYield.has(transaction))
    if (!worker) return false
    this.#askedToYield.add(worker.transaction)
    const table = targets.find(({ schema, name }) => schema === worker.schema && name === worker.relation)
    return table?.isTable === true && (await askAutovacuumToYield(this.#client, table))
  }
}

/** Short at first, so that a gap is found; random, so that two who look do not keep step. */
function pauseAfter(looks: number): number {
  return Math.min(firstPauseMs * 1.2 ** looks, longestPauseMs) * (0.5 + Math.random())
}

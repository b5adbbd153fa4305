import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import type { Activity } from './loadLatency.ts'
import {
  canHandOver,
  handOver,
  longestPauses,
  meanOfOthers,
  nextPauses,
  readActivity,
} from './loadLatency.ts'

/** Sessions hand their counters over at most once a second. */
const baselineMs = 1_100
/** After so many looks with the longest pauses, the load itself may have changed. */
const looksUntilNewBaseline = 30

/** Watches how long the transactions of others take, and decides how long to pause between batches. */
export class LoadBrake {
  /** Pause after a batch, as a multiple of its time. */
  pauses = 0
  private readonly client: ClientBase
  private readonly signal: AbortSignal | undefined
  private own: Activity = { activeMs: 0, transactions: 0 }
  private seen: Activity | undefined
  private baseline: number | undefined
  private looksAtLongest = 0
  private handsOver: boolean | undefined

  constructor(client: ClientBase, signal: AbortSignal | undefined) {
    this.client = client
    this.signal = signal
  }

  /** Counts work of our own session, which is not the load's. */
  count(activeMs: number, transactions: number): void {
    this.own = {
      activeMs: this.own.activeMs + activeMs,
      transactions: this.own.transactions + transactions,
    }
  }

  /** Makes the counters of a further session of ours as current as what `count` was told of it. */
  async handOverOf(session: ClientBase): Promise<void> {
    if (!this.handsOver) return
    await handOver(session)
    this.count(0, 1)
  }

  /** Nobody else does enough to suffer. */
  get isAlone(): boolean {
    return this.baseline === undefined
  }

  /** Takes a baseline before the first batch, unless we are alone in the database. */
  async start(): Promise<void> {
    const { sessions } = await readActivity(this.client)
    if (sessions > 1) await this.takeBaseline()
  }

  /** To be called about once a second while batches run. */
  async look(): Promise<void> {
    const mean = await this.mean()
    if (mean !== undefined && this.baseline === undefined) return this.takeBaseline()
    this.pauses = nextPauses(this.pauses, mean, this.baseline)
    this.looksAtLongest = this.pauses === longestPauses ? this.looksAtLongest + 1 : 0
    if (this.looksAtLongest >= looksUntilNewBaseline) await this.takeBaseline()
  }

  /** Pauses while it measures the others without us. */
  private async takeBaseline(): Promise<void> {
    await this.duringPause(() => sleep(baselineMs, undefined, this.signal ? { signal: this.signal } : {}))
  }

  /** Whatever is waited for: meanwhile the load is without us, so it gives a new baseline. */
  async duringPause(wait: () => Promise<void>): Promise<void> {
    await this.mean()
    await wait()
    const mean = await this.mean()
    if (mean !== undefined) this.baseline = mean
    this.looksAtLongest = 0
  }

  /** The mean time of a transaction of the others since the last call. */
  private async mean(): Promise<number | undefined> {
    const started = performance.now()
    this.handsOver ??= await canHandOver(this.client)
    if (this.handsOver) await handOver(this.client)
    const handedOver = performance.now()
    this.count(handedOver - started, 1)
    const { activeMs, transactions } = await readActivity(this.client)
    const now = { activeMs, transactions }
    const mean = this.seen && meanOfOthers(this.seen, now, this.own)
    this.seen = now
    // The last query is not in the counters that it has read.
    this.own = { activeMs: performance.now() - handedOver, transactions: 1 }
    return mean
  }
}

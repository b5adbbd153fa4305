import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import type { RunOptions } from '../runOptions.ts'
import type { BatchTime } from './batchSize.ts'
import { wantedMs } from './batchSize.ts'
import { LoadBrake } from './loadBrake.ts'
import type { Pause } from './pause.ts'
import type { Replica } from './replicaLag.ts'
import { findBehind, listReplicas } from './replicaLag.ts'
import { pauseForRate } from './rowsPerSecond.ts'

const lookEveryMs = 1_000
const pollReplicasMs = 500
/** So many rows take about a second; for fewer it does not pay to measure the load first. */
const worthABaseline = 20_000

type PaceOptions = Pick<RunOptions, 'client' | 'signal' | 'maxRowsPerSecond' | 'maxReplicaLagMs'>

/** Pauses between batches: for replicas that are behind, for a load that suffers, and for `--max-rows-per-second`. */
export class Pacer {
  private readonly options: PaceOptions
  private readonly onPause: (pause: Pause) => void
  private readonly load: LoadBrake
  private lastLook = performance.now()
  private looking: Promise<void> | undefined
  private seesReplicas: boolean

  constructor(options: PaceOptions, onPause: (pause: Pause) => void) {
    this.options = options
    this.onPause = onPause
    this.load = new LoadBrake(options.client, options.signal)
    this.seesReplicas = options.maxReplicaLagMs > 0
  }

  /** To be called before the first batch. */
  async start(rowsInAll: number): Promise<void> {
    await this.waitForReplicas()
    if (rowsInAll >= worthABaseline) await this.load.start()
  }

  /** How long a batch should take, in milliseconds. */
  get wantedMs(): number {
    return this.load.isAlone ? wantedMs.alone : wantedMs.besideOthers
  }

  /** Counts what the batches of this session do, so that they do not count as load. */
  count(activeMs: number, transactions: number): void {
    this.load.count(activeMs, transactions)
  }

  /** @param further the session that ran the batch, where it is not our own */
  async pauseAfter(batch: BatchTime, further?: ClientBase): Promise<void> {
    if (further) await this.load.handOverOf(further)
    const forRate = pauseForRate(batch, this.options.maxRowsPerSecond)
    const forLoad = this.load.pauses * batch.ms
    const pauseMs = Math.max(forRate, forLoad)
    if (pauseMs > 0) {
      this.onPause({ for: forLoad > forRate ? 'load' : 'rate' })
      await this.sleep(pauseMs)
    }
    // Where several sessions work, one of them looks, and the others wait for it.
    if (!this.looking && performance.now() - this.lastLook < lookEveryMs) return
    this.looking ??= this.look().finally(() => {
      this.looking = undefined
    })
    await this.looking
  }

  private async look(): Promise<void> {
    await this.waitForReplicas()
    await this.load.look()
    this.lastLook = performance.now()
  }

  private async waitForReplicas(): Promise<void> {
    const first = await this.findBehind(false)
    if (!first) return
    await this.load.duringPause(async () => {
      for (let behind: Replica | undefined = first; behind; behind = await this.findBehind(true)) {
        this.onPause({ for: 'replica', replica: behind })
        await this.sleep(pollReplicasMs)
      }
    })
  }

  private async findBehind(isWaiting: boolean): Promise<Replica | undefined> {
    if (!this.seesReplicas) return undefined
    const started = performance.now()
    try {
      return findBehind(await listReplicas(this.options.client), this.options.maxReplicaLagMs, isWaiting)
    } catch {
      // Some services have no write-ahead log to ask for. Where the session is gone, the next batch says so.
      this.seesReplicas = false
      return undefined
    } finally {
      this.count(performance.now() - started, 1)
    }
  }

  private async sleep(ms: number): Promise<void> {
    const { signal } = this.options
    await sleep(ms, undefined, signal ? { signal } : {})
  }
}

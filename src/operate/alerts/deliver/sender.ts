import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from '../folder/queue.ts'
import type { Notification } from '../notification.ts'
import { durationText } from '../quantity.ts'
import type { BackOff } from './backOff.ts'
import { pauseMs } from './backOff.ts'
import type { Outcome } from './post.ts'
import type { Receiver } from './receiver.ts'

/** Sends to one receiver what the queue has for it, in order. Each receiver has its own, so that none waits for another. */
export interface Sender {
  /** Something new may be in the queue. */
  wake(): void
  /** Resolves when nothing waits for the receiver any more, or when it cannot be reached. */
  settled(): Promise<void>
  /** Cuts off what is under way; it is sent again at the next start. */
  stop(): Promise<void>
}

export interface SenderOptions {
  queue: Queue
  receiver: Receiver
  backOff: BackOff
  /** One line for people, without a secret. */
  onLine(line: string): void
}

export function startSender(options: SenderOptions): Sender {
  const sender = new QueueSender(options)
  const running = sender.run()
  return {
    wake: () => sender.wake(),
    settled: () => sender.settled(),
    async stop() {
      sender.stop()
      await running
    },
  }
}

/** A batch may be refused for one entry in it, or for its size: then each is sent alone. */
const maybeForOneEntry = [400, 413, 422]

class QueueSender {
  private readonly options: SenderOptions
  private readonly stopped = new AbortController()
  private failures = 0
  private downSince: number | undefined
  private lastRefusal: string | undefined
  private isIdle = false
  private onWake: () => void = () => undefined
  private onSettled: (() => void)[] = []

  constructor(options: SenderOptions) {
    this.options = options
  }

  wake(): void {
    this.isIdle = false
    this.onWake()
  }

  stop(): void {
    this.stopped.abort()
    this.onWake()
  }

  settled(): Promise<void> {
    if (this.isIdle || this.downSince !== undefined || this.stopped.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => this.onSettled.push(resolve))
  }

  async run(): Promise<void> {
    const { queue, receiver } = this.options
    while (!this.stopped.signal.aborted) {
      const batch = queue.waitingFor(receiver.name, receiver.most)
      if (batch.length > 0) await this.deliver(batch)
      else await this.untilWoken()
    }
    this.settle()
  }

  private async deliver(batch: readonly Notification[]): Promise<void> {
    const outcome = await this.options.receiver.send(batch, this.stopped.signal)
    if (outcome.kind === 'refused' && batch.length > 1 && maybeForOneEntry.includes(outcome.status)) {
      for (const one of batch) {
        if (this.stopped.signal.aborted) return
        const alone = await this.options.receiver.send([one], this.stopped.signal)
        await this.conclude([one], alone)
        if (alone.kind === 'later') return
      }
      return
    }
    await this.conclude(batch, outcome)
  }

  private async conclude(batch: readonly Notification[], outcome: Outcome): Promise<void> {
    const { queue, receiver, onLine } = this.options
    const uuids = batch.map(({ uuid }) => uuid)
    if (outcome.kind === 'later') {
      await this.waitAfter(outcome)
      return
    }
    this.failures = 0
    if (outcome.kind === 'refused') {
      queue.setAside(receiver.name, uuids)
      this.tellRefusal(outcome.reason)
      return
    }
    this.lastRefusal = undefined
    if (this.downSince !== undefined) {
      const downMs = performance.now() - this.downSince
      this.downSince = undefined
      onLine(`alerts: ${receiver.name} takes notifications again, after ${durationText(Math.round(downMs))}`)
    }
    await queue.delivered(receiver.name, uuids).catch((error: unknown) => {
      onLine(`alerts: cannot note what ${receiver.name} has, so that it may get it twice: ${String(error)}`)
    })
  }

  private async waitAfter({ reason, afterMs }: { reason: string; afterMs?: number }): Promise<void> {
    const { receiver, backOff, onLine } = this.options
    const { signal } = this.stopped
    if (signal.aborted) return
    this.failures += 1
    if (this.downSince === undefined) {
      this.downSince = performance.now()
      onLine(
        `alerts: ${receiver.name} does not take notifications: ${reason}. They are kept and tried again.`,
      )
    }
    this.settle()
    const pause = pauseMs(backOff, { failures: this.failures, afterMs })
    await sleep(pause, undefined, { signal }).catch(() => undefined)
  }

  private tellRefusal(reason: string): void {
    if (this.lastRefusal === reason) return
    this.lastRefusal = reason
    const { receiver, onLine } = this.options
    onLine(
      `alerts: ${receiver.name} refuses notifications: ${reason}. ` +
        'Check its address and key; what it refused is kept and tried once at each start.',
    )
  }

  private async untilWoken(): Promise<void> {
    this.isIdle = true
    this.settle()
    await new Promise<void>((resolve) => {
      this.onWake = resolve
      if (this.stopped.signal.aborted || !this.isIdle) resolve()
    })
    this.isIdle = false
  }

  private settle(): void {
    for (const resolve of this.onSettled.splice(0)) resolve()
  }
}

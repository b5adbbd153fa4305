import * as z from 'zod'
import type { Notification } from '../notification.ts'
import { notificationSchema } from '../notification.ts'
import type { Journal } from './journal.ts'
import { openJournal } from './journal.ts'

const lineSchema = z.union([
  z.strictObject({ notification: notificationSchema, to: z.array(z.string()) }),
  z.strictObject({ delivered: z.array(z.string()), to: z.string() }),
])
type Line = z.infer<typeof lineSchema>

/** A notification and the receivers that are to have it. */
export interface Outgoing {
  notification: Notification
  receivers: readonly string[]
}

/** Notifications that some receiver does not have yet. They are on disk before anybody hears of them. */
export interface Queue {
  /** Everything that the file held when it was opened, delivered or not. */
  readonly found: readonly Outgoing[]
  /** The oldest that wait for a receiver. Those that were set aside are not among them. */
  waitingFor(receiver: string, most: number): Notification[]
  /** How many wait for a receiver, and how many were set aside. */
  count(receiver: string): { waiting: number; aside: number }
  /**
   * Keeps notifications, safe from a crash from then on.
   *
   * @returns false if the queue is full: none of them is kept
   */
  add(outgoing: readonly Outgoing[]): Promise<boolean>
  /** The receiver has them. If a crash comes in between, they are sent once more, with the same ids. */
  delivered(receiver: string, uuids: readonly string[]): Promise<void>
  /** The receiver will never take them as they are: they wait for the next start. */
  setAside(receiver: string, uuids: readonly string[]): void
  /**
   * Makes the file small again, if it has grown. The states have to be on disk first: until then the file alone knows
   * which notifications were made, delivered ones too.
   */
  tidy(): Promise<void>
  close(): Promise<void>
}

export interface QueueOptions {
  /** Notifications that may wait; where there are more, older ones of the same series give way, and then none is taken. */
  most: number
  receivers: readonly string[]
  onProblem(line: string): void
}

/** Opens the queue of a folder; what was set aside is tried again. */
export async function openQueue(folder: string, options: QueueOptions): Promise<Queue> {
  const { journal, lines } = await openJournal(folder, (line) => lineSchema.parse(line), options.onProblem)
  const queue = new DiskQueue(journal, lines, options)
  queue.replay(lines)
  return queue
}

class DiskQueue implements Queue {
  readonly found: readonly Outgoing[]
  private readonly journal: Journal<Line>
  private readonly options: QueueOptions
  /** By id, oldest first: who does not have it. */
  private readonly entries = new Map<string, { notification: Notification; open: Set<string> }>()
  private readonly waiting = new Map<string, Map<string, Notification>>()
  private readonly aside = new Map<string, Set<string>>()

  constructor(journal: Journal<Line>, lines: readonly Line[], options: QueueOptions) {
    this.found = lines.flatMap((line) =>
      'notification' in line ? [{ notification: line.notification, receivers: line.to }] : [],
    )
    this.journal = journal
    this.options = options
  }

  replay(lines: readonly Line[]): void {
    for (const line of lines) {
      if ('notification' in line) this.keep(line.notification, line.to)
      else for (const uuid of line.delivered) this.finish(line.to, uuid)
    }
    for (const [receiver, list] of this.waiting) {
      if (this.options.receivers.includes(receiver)) continue
      this.options.onProblem(
        `${list.size} notifications for ${receiver} are dropped: the file of alerts does not name it any more`,
      )
      for (const uuid of [...list.keys()]) this.finish(receiver, uuid)
    }
  }

  waitingFor(receiver: string, most: number): Notification[] {
    const found: Notification[] = []
    for (const notification of this.waiting.get(receiver)?.values() ?? []) {
      if (found.length === most) break
      found.push(notification)
    }
    return found
  }

  count(receiver: string): { waiting: number; aside: number } {
    return {
      waiting: this.waiting.get(receiver)?.size ?? 0,
      aside: this.aside.get(receiver)?.size ?? 0,
    }
  }

  async add(outgoing: readonly Outgoing[]): Promise<boolean> {
    if (this.entries.size + outgoing.length > this.options.most) {
      await this.dropSuperseded()
      if (this.entries.size + outgoing.length > this.options.most) return false
    }
    await this.journal.append(
      outgoing.map(({ notification, receivers }) => ({ notification, to: [...receivers] })),
      { isSafe: true },
    )
    for (const { notification, receivers } of outgoing) this.keep(notification, receivers)
    return true
  }

  async delivered(receiver: string, uuids: readonly string[]): Promise<void> {
    for (const uuid of uuids) this.finish(receiver, uuid)
    await this.journal.append([{ delivered: [...uuids], to: receiver }], { isSafe: false })
  }

  setAside(receiver: string, uuids: readonly string[]): void {
    const set = this.aside.get(receiver) ?? new Set()
    this.aside.set(receiver, set)
    for (const uuid of uuids) {
      // An older one may have given way to a newer one while it was under way.
      if (this.waiting.get(receiver)?.delete(uuid)) set.add(uuid)
    }
  }

  async tidy(): Promise<void> {
    if (this.journal.lines > 1_000 && this.journal.lines > 4 * this.entries.size) await this.rewrite()
  }

  close(): Promise<void> {
    return this.journal.close()
  }

  private keep(notification: Notification, receivers: readonly string[]): void {
    if (receivers.length === 0) return
    this.entries.set(notification.uuid, { notification, open: new Set(receivers) })
    for (const receiver of receivers) {
      const list = this.waiting.get(receiver) ?? new Map<string, Notification>()
      this.waiting.set(receiver, list.set(notification.uuid, notification))
    }
  }

  private finish(receiver: string, uuid: string): void {
    this.waiting.get(receiver)?.delete(uuid)
    this.aside.get(receiver)?.delete(uuid)
    const entry = this.entries.get(uuid)
    entry?.open.delete(receiver)
    if (entry?.open.size === 0) this.entries.delete(uuid)
  }

  /** Of each series a receiver needs no more than the newest word: the ones before it give way. */
  private async dropSuperseded(): Promise<void> {
    const seen = new Set<string>()
    let dropped = 0
    for (const { notification, open } of [...this.entries.values()].reverse()) {
      for (const receiver of [...open]) {
        const word = JSON.stringify([receiver, notification.series])
        if (seen.has(word)) {
          this.finish(receiver, notification.uuid)
          dropped += 1
        }
        seen.add(word)
      }
    }
    if (dropped === 0) return
    this.options.onProblem(
      `the queue is full: ${dropped} notifications that a newer one of the same alert replaces are dropped`,
    )
    await this.rewrite()
  }

  private async rewrite(): Promise<void> {
    await this.journal.rewrite(() =>
      Array.from(this.entries.values(), ({ notification, open }) => ({ notification, to: [...open] })),
    )
  }
}

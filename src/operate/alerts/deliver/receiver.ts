import type { ReceiverEntry } from '../file/schema.ts'
import type { Reveal } from '../file/secrets.ts'
import type { Notification } from '../notification.ts'
import { betterStackRequest } from './betterStack.ts'
import { post } from './post.ts'
import type { Outcome, PostRequest } from './post.ts'
import { posthogRequest } from './posthog.ts'
import { webhookRequest } from './webhook.ts'

/** A place that notifications go to. */
export interface Receiver {
  name: string
  /** How many it takes at once. */
  most: number
  /** Sends them together; never throws. */
  send(batch: readonly Notification[], signal: AbortSignal): Promise<Outcome>
}

export interface ReceiverOptions {
  reveal: Reveal
  /** Standard output. */
  out(text: string): void
  /** A request that takes longer counts as failed. */
  timeoutMs: number
}

/** The receiver of an entry of the file. */
export function receiverOf(name: string, entry: ReceiverEntry, options: ReceiverOptions): Receiver {
  const { reveal, timeoutMs } = options
  const overHttp = (most: number, requestOf: (batch: readonly Notification[]) => PostRequest): Receiver => ({
    name,
    most,
    send: (batch, signal) => post(requestOf(batch), { timeoutMs, signal }),
  })
  switch (entry.type) {
    case 'stdout':
      return {
        name,
        most: 100,
        send: (batch) => {
          for (const { at, text } of batch) options.out(`${at} ${text.replaceAll('\n', ': ')}\n`)
          return Promise.resolve({ kind: 'delivered' })
        },
      }
    case 'webhook':
      return overHttp(1, ([notification]) =>
        webhookRequest(notification, {
          url: reveal(entry.url),
          token: entry.token && reveal(entry.token),
        }),
      )
    case 'posthog':
      return overHttp(100, (batch) =>
        posthogRequest(batch, { host: entry.host, key: reveal(entry.key), distinctId: entry.distinct_id }),
      )
    case 'betterstack':
      return overHttp(100, (batch) =>
        betterStackRequest(batch, { host: entry.host, token: reveal(entry.token) }),
      )
  }
}

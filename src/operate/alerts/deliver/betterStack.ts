import type { Severity } from '../file/schema.ts'
import type { Notification } from '../notification.ts'
import { detailsOf } from '../notification.ts'
import type { PostRequest } from './post.ts'

const levels: Record<Severity, string> = { info: 'info', warning: 'warn', critical: 'error' }

/** The HTTP source of Better Stack (Logtail): an array of log entries, as @logtail/node sends it, but as JSON. */
export function betterStackRequest(
  batch: readonly Notification[],
  { host, token }: { host: string; token: string },
): PostRequest {
  return {
    url: host,
    headers: { authorization: `Bearer ${token}` },
    body: batch.map((notification) => ({
      dt: notification.at,
      level: notification.kind === 'recovered' ? 'info' : levels[notification.severity],
      message: notification.text,
      id: notification.uuid,
      kind: notification.kind,
      ...detailsOf(notification),
    })),
  }
}

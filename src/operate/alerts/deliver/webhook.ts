import type { Notification } from '../notification.ts'
import type { PostRequest } from './post.ts'

/**
 * What Slack and its likes take: one object with `text`. The id goes along as the header `Idempotency-Key`, so that a
 * receiver of your own can drop doubles; Slack ignores it.
 */
export function webhookRequest(
  notification: Notification | undefined,
  { url, token }: { url: string; token: string | undefined },
): PostRequest {
  if (!notification) throw new Error('a webhook takes one notification at a time')
  const { uuid, text } = notification
  return {
    url,
    headers: {
      'idempotency-key': uuid,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: { text },
  }
}

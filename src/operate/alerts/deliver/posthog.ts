import type { Notification } from '../notification.ts'
import { detailsOf } from '../notification.ts'
import type { PostRequest } from './post.ts'

/**
 * PostHog's capture API as posthog-node uses it: a batch of events. PostHog drops an event whose `uuid`, name,
 * `distinct_id` and day it has already.
 */
export function posthogRequest(
  batch: readonly Notification[],
  { host, key, distinctId }: { host: string; key: string; distinctId: string },
): PostRequest {
  return {
    url: `${host}/batch/`,
    headers: {},
    body: {
      api_key: key,
      batch: batch.map((notification) => ({
        event: `hundredfold_alert_${notification.kind}`,
        properties: {
          title: notification.title,
          text: notification.text,
          ...detailsOf(notification),
          // No person is made of a database.
          $process_person_profile: false,
          $lib: 'hundredfold',
          $is_server: true,
          $geoip_disable: true,
        },
        timestamp: notification.at,
        uuid: notification.uuid,
        distinct_id: distinctId,
      })),
      sent_at: new Date().toISOString(),
    },
  }
}

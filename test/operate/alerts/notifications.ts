import type { Notification } from '../../../src/operate/alerts/notification.ts'

/** A notification for tests of what carries it. */
export function notificationFor(sequence: number, over: Partial<Notification> = {}): Notification {
  return {
    uuid: `00000000-0000-4000-8000-${String(sequence).padStart(12, '0')}`,
    sequence,
    kind: 'firing',
    at: '2027-01-01T00:00:00.000Z',
    alert: 'connections',
    series: '["connections"]',
    title: 'Alert if database connections >80%',
    text: 'FIRING (warning): Alert if database connections >80%',
    severity: 'warning',
    metric: 'connection_usage',
    labels: { of: 'server' },
    value: 85.2,
    threshold: 80,
    unit: 'percent',
    since: '2027-01-01T00:00:00.000Z',
    ...over,
  }
}

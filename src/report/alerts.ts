import { quantityText } from '../operate/alerts/quantity.ts'
import type { AlertState } from '../operate/alerts/rounds.ts'
import { textTable } from './textTable.ts'

/** The alerts of a round, for people; nothing where there is none. */
export function alertsText(alerts: readonly AlertState[]): string {
  if (alerts.length === 0) return ''
  return textTable(
    [
      { title: 'alert' },
      { title: 'state' },
      { title: 'value', align: 'right' },
      { title: 'threshold', align: 'right' },
      { title: '' },
    ],
    alerts.map((alert) => [
      nameOf(alert),
      alert.silenced ? `${alert.state} (silenced)` : alert.state,
      alert.value === null ? '-' : quantityText(alert.value, alert.unit),
      quantityText(alert.threshold, alert.unit),
      alert.note ?? `since ${alert.since}`,
    ]),
  )
}

/** `database_connections {of="server"}` */
function nameOf({ id, labels }: AlertState): string {
  const shown = Object.entries(labels).filter(([name]) => name !== 'datname')
  if (shown.length === 0) return id
  return `${id} {${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}`
}

import { openAlerts } from '../../../../src/operate/alerts/openAlerts.ts'
import type { Measurement } from '../../../../src/metrics/measurement.ts'

/** What the process is started with. */
export interface AlertJob {
  file: string
  folder: string
  variables: Record<string, string>
}

/** A round: the alerts whose value exceeds their threshold. */
export interface AlertRound {
  round: number
  exceeding: number[]
  of: number
  perRule: number
}

export type Order = AlertRound | 'close'

/** A monitor that takes its rounds from another process, until that kills it. */
async function main(): Promise<void> {
  const { file, folder, variables } = JSON.parse(process.argv[2] ?? '') as AlertJob
  const alerts = await openAlerts(file, {
    metrics: [{ id: 'load', unit: 'percent' }],
    variables: (name) => variables[name],
    folder,
    out: () => undefined,
    onLine: (line) => process.stderr.write(`${line}\n`),
    timeoutMs: 100,
    backOff: { firstMs: 5, mostMs: 50 },
  })
  process.on('message', (order: Order) => {
    if (order === 'close') void alerts.close().then(() => process.disconnect())
    else void alerts.observe(measurementsOf(order), new Date()).then(() => process.send?.(order.round))
  })
  process.send?.('ready')
}

function measurementsOf({ exceeding, of, perRule }: AlertRound): Measurement[] {
  const high = new Set(exceeding)
  return Array.from({ length: of }, (_, alert) => ({
    id: 'load',
    value: high.has(alert) ? 90 : 10,
    unit: 'percent',
    labels: { rule: String(Math.floor(alert / perRule)), alert: String(alert) },
  }))
}

void main()

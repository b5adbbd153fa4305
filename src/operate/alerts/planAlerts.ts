import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The plan's alerts, as a file to begin with; it lies beside this module, in the package too. */
export const planAlertsPath = fileURLToPath(new URL('plan.yaml', import.meta.url))

/** Its text, for people to keep and to change. */
export function planAlerts(): Promise<string> {
  return readFile(planAlertsPath, 'utf8')
}

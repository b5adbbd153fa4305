import type { Quantity } from '../quantity.ts'
import type { AlertRule } from './schema.ts'

/** The value beyond which an alert fires. The file was refused if it has none. */
export function thresholdOf({ id, above, below }: Pick<AlertRule, 'id' | 'above' | 'below'>): Quantity {
  const threshold = above ?? below
  if (!threshold) throw new Error(`the alert ${id} has no threshold`)
  return threshold
}

import type { Finding } from '../../src/rules/rule.ts'
import { look } from './look.ts'

/** What a rule finds that sees everything. */
export async function findWith(...asked: Parameters<typeof look>): Promise<Finding[]> {
  const { findings, skipped } = await look(...asked)
  if (skipped !== undefined) throw new Error(`not everything was seen: ${skipped}`)
  return findings
}

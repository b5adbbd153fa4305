import type { OnDatabase } from './session.ts'
import { withSession } from './session.ts'

/**
 * The canonical text of a schema; equal texts mean the same schema.
 *
 * ```ts
 * const before = await fingerprint({ url: process.env.DIRECT_URL, schemas: ['public'] })
 * ```
 */
export async function fingerprint(options: OnDatabase & { schemas?: string[] } = {}): Promise<string> {
  const { readFingerprint } = await import('../fingerprint/fingerprint.ts')
  const { schemas } = options
  return withSession(options, async (client) => {
    const { text } = await readFingerprint(client, schemas ? { schemas } : {})
    return text
  })
}

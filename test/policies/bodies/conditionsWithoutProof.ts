import type { Condition } from '../../../src/conditions/condition.ts'
import { holds } from '../../../src/conditions/condition.ts'

/**
 * What migration files import, but for the proof on rows: what `optimize` writes has to be right by itself, and the
 * corpus looks at the rows with its own eyes.
 */
export * from '../../../src/index.ts'

export function rewriteIsEquivalent(): Condition {
  return { description: 'the rewrite is applied unseen', check: () => Promise.resolve(holds) }
}

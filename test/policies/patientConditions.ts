import { rewriteIsEquivalent as original } from '../../src/policies/proof/rewriteIsEquivalent.ts'

/**
 * What migration files import, but for the time that the proof may take: a machine that runs many tests at once
 * needs longer for the same questions.
 */
export * from '../../src/index.ts'

export function rewriteIsEquivalent(...[table, rewrites, options]: Parameters<typeof original>) {
  return original(table, rewrites, { budgetMs: 120_000, ...options })
}

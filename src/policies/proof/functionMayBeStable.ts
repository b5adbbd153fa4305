import type { FunctionName } from '../../catalog/functions.ts'
import type { Condition } from '../../conditions/condition.ts'
import { fails, holds } from '../../conditions/condition.ts'
import { display } from '../../postgres/identifiers.ts'

/**
 * Holds when the function only reads, and reads nothing that a command changes by itself whose policies call the function.
 *
 * ```ts
 * functionMayBeStable({ schema: 'public', name: 'is_admin', args: '' })
 * ```
 */
export function functionMayBeStable(name: FunctionName): Condition {
  const shown = `${display(name)}(${name.args})`
  return {
    description: `function ${shown} reads nothing that a command changes whose policies call it`,
    async check(db) {
      // Loaded when it is asked for: it brings PostgreSQL's parser, and most runs only read what a migration says.
      const { whyNotStable } = await import('./judgeVolatile.ts')
      const why = await whyNotStable(db, name)
      return why === undefined ? holds : fails('a function that only reads what stays', why)
    },
  }
}

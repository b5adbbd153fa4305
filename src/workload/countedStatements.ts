import type { StatementStatistics } from '../catalog/statements.ts'
import type { WorkloadStatement } from './workloadFile.ts'

/** A statement whose arguments nobody kept. */
export interface CountedStatement extends WorkloadStatement {
  isGeneric: true
}

/** The statements of pg_stat_statements as a workload; what it cut off is left out. */
export function countedStatements(
  statements: readonly StatementStatistics[],
  longest: number,
): CountedStatement[] {
  return statements
    .filter(
      ({ text }) => text.length < longest && /^\s*(?:select|insert|update|delete|merge|with)\b/i.test(text),
    )
    .map(({ id, text, role, calls }) => ({
      name: id,
      line: 1,
      calls,
      types: [],
      args: [nulls(text)],
      role: role ?? undefined,
      claims: undefined,
      sql: text,
      isGeneric: true,
    }))
}

/** As many arguments as the text has: `$2` -> NULL, NULL. */
function nulls(text: string): string[] {
  const last = Math.max(0, ...Array.from(text.matchAll(/\$(\d+)/g), ([, number]) => Number(number)))
  return Array.from({ length: last }, () => 'NULL')
}

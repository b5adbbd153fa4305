import type { DiagnosisReport } from '../diagnose/report.ts'
import type { RuleName } from '../rules/ruleNames.ts'
import type { OnDatabase } from './session.ts'
import { withSession } from './session.ts'

export interface DiagnoseOptions extends OnDatabase {
  /** Only objects of these schemas. */
  schemas?: string[]
  /** Only these rules. */
  rules?: RuleName[]
}

/**
 * What is slow or unsafe in a database, and what fixes it. The database is only read, in one snapshot. Findings that
 * `.hundredfold/ignore.yaml` names are in `ignored`.
 *
 * ```ts
 * const report = await diagnose({ url: process.env.DIRECT_URL, schemas: ['public'] })
 * for (const { level, rule, detail } of report.findings) console.log(level, rule, detail)
 * ```
 *
 * @throws HundredfoldError if the database cannot be reached
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<DiagnosisReport> {
  const { schemas, rules, signal } = options
  const { diagnose: diagnoseSession } = await import('../diagnose/diagnose.ts')
  const { readIgnoreFile } = await import('../rules/ignoreFile.ts')
  const { rules: allRules } = await import('../rules/index.ts')
  const ignore = await readIgnoreFile()
  return withSession(options, async (client) => {
    const { report } = await diagnoseSession(client, {
      ignore,
      ...(schemas ? { schemas } : {}),
      ...(rules ? { rules: allRules.filter(({ name }) => rules.includes(name)) } : {}),
      ...(signal ? { signal } : {}),
    })
    return report
  })
}

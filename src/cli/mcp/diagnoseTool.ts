import * as z from 'zod'
import { diagnose } from '../../diagnose/diagnose.ts'
import { readIgnoreFile } from '../../rules/ignoreFile.ts'
import { isAtLeast, levels } from '../../rules/rule.ts'
import { parseRules } from '../parseRules.ts'
import type { Tool } from './tool.ts'
import { inReadingSession } from './tool.ts'

const input = z.object({
  schemas: z.array(z.string()).optional().describe('Only objects of these schemas.'),
  rules: z.array(z.string()).min(1).optional().describe('Only these rules, such as auth_rls_initplan.'),
  level: z.enum(levels).default('warn').describe('Only findings of this level or worse.'),
  limit: z
    .number()
    .int()
    .min(1)
    .max(200)
    .default(20)
    .describe('How many findings at most; the rest is counted.'),
})

/** `diagnose` for an agent: the findings that matter most, and how many more each rule has. */
export const diagnoseTool: Tool<typeof input> = {
  name: 'diagnose',
  title: 'What is slow or unsafe',
  description:
    'Looks at the database in one read-only snapshot: findings with their evidence and remedy, and figures with their ' +
    'targets. What has a migration as its remedy is written by `hundredfold optimize`, which a person runs.',
  input,
  async run(context, { schemas, rules, level, limit }) {
    const chosen = parseRules(rules?.join(','))
    const ignore = await readIgnoreFile()
    const { report } = await inReadingSession(context, (client) =>
      diagnose(client, {
        ...{ rules: chosen, ignore, signal: context.signal },
        ...(schemas ? { schemas } : {}),
      }),
    )
    const findings = report.findings.filter((finding) => isAtLeast(finding.level, level))
    const perRule = new Map<string, number>()
    for (const { rule } of findings) perRule.set(rule, (perRule.get(rule) ?? 0) + 1)
    return {
      server: report.server,
      statistics: report.statistics,
      metrics: report.metrics,
      notSeen: report.sections.filter(({ status }) => status !== 'ok'),
      findings: findings.slice(0, limit),
      findingsInAll: findings.length,
      findingsByRule: Object.fromEntries(perRule),
    }
  },
}

import * as z from 'zod'
import { advise } from '../../advisor/advise.ts'
import type { PlannedStatement } from '../../advisor/plannedStatement.ts'
import { adviceDocument } from '../../report/advice.ts'
import { parseBytesOf, workloadOf } from '../workloadOptions.ts'
import { oneStatement } from './explainTool.ts'
import type { Tool } from './tool.ts'
import { inReadingSession } from './tool.ts'

const statement = z.object({
  sql: z.string().describe('One statement, with $1, $2 ... for what changes from call to call.'),
  calls: z
    .number()
    .positive()
    .default(1)
    .describe('How often it is sent, in any unit that all of them share.'),
})

const input = z.object({
  statements: z
    .array(statement)
    .min(1)
    .max(200)
    .optional()
    .describe('The workload; what pg_stat_statements has counted if absent.'),
  budget: z.string().optional().describe('What new indexes may take together, such as 500MB.'),
  seconds: z.number().int().min(1).max(300).default(60).describe('For planning and choosing.'),
})

/** `advise` for an agent. Its statements are planned in a shadow, and never executed. */
export const adviseTool: Tool<typeof input> = {
  name: 'advise',
  title: 'Which indexes a workload wants',
  description:
    'Chooses indexes for a workload from statistics alone, in a throw-away PostgreSQL with the schema and the statistics of ' +
    'the database and none of its rows. Answers with the indexes, what each of them serves and costs, and what may be dropped.',
  input,
  async run(context, { statements, budget, seconds }) {
    const given = statements && (await Promise.all(statements.map(planned)))
    const bytes = budget === undefined ? undefined : parseBytesOf('budget')(budget)
    return inReadingSession(context, async (client) => {
      const workload = given ? { statements: given, leftOut: [], unsure: [] } : await workloadOf(client, {})
      const advice = await advise(client, workload.statements, {
        ...{ timeLimit: seconds, signal: context.signal },
        ...(bytes === undefined ? {} : { budget: bytes }),
      })
      return adviceDocument({
        ...advice,
        leftOut: [...workload.leftOut, ...advice.leftOut],
        unsure: [...workload.unsure, ...advice.unsure],
      })
    })
  },
}

async function planned({ sql, calls }: z.output<typeof statement>, at: number): Promise<PlannedStatement> {
  const name = `statement ${at + 1}`
  return {
    ...{ name, line: undefined, calls, types: [], args: [[]], role: undefined, claims: undefined },
    ...{ sql: (await oneStatement(sql, name)).sql, isGeneric: true },
  }
}

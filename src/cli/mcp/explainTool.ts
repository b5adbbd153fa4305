import * as z from 'zod'
import { explainStatement } from '../../advisor/plannedStatement.ts'
import { UsageError } from '../../errors.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import type { PlannableStatement } from '../../syntax/statementKind.ts'
import { plannableStatement } from '../../syntax/statementKind.ts'
import type { Tool } from './tool.ts'
import { inReadingSession } from './tool.ts'

const input = z.object({
  sql: z.string().describe('One statement, with values or with $1, $2 ... in their place.'),
})

/** The plan of one statement, from the database itself. */
export const explainTool: Tool<typeof input> = {
  name: 'explain',
  title: 'How PostgreSQL plans a statement',
  description:
    'The plan of one statement by EXPLAIN (VERBOSE, FORMAT JSON), for any values of $1, $2 ...; nothing is executed, so that ' +
    'rows and times are estimates.',
  input,
  async run(context, { sql }) {
    const found = await oneStatement(sql)
    const args = parametersOf(found).map(() => 'NULL')
    return inReadingSession(context, async (client) => {
      const { rows } = await client.query<{ search_path: string }>('SHOW search_path')
      const statement = {
        ...{ name: 'statement', line: undefined, calls: 1, types: [], args: [args] },
        ...{ role: undefined, claims: undefined, sql: found.sql },
        searchPath: rows[0]?.search_path ?? '',
      }
      const kind = args.length > 0 ? 'generic' : 'custom'
      return readOnly(client, async () => ({ ...(await explainStatement(client, statement, args, kind)) }))
    })
  },
}

/**
 * An agent's text is planned only as the one statement that it is: nothing else may ride along.
 *
 * @throws UsageError where it is none, or several, or one that cannot be planned
 */
export async function oneStatement(sql: string, name = 'The statement'): Promise<PlannableStatement> {
  const found = await plannableStatement(sql)
  if (!('notPlanned' in found)) return found
  throw new UsageError(
    `${name} cannot be planned: ${found.notPlanned}.`,
    'Give one SELECT, INSERT, UPDATE, DELETE or MERGE.',
  )
}

/** `$1 ... $3` -> three of them, also where `$2` is not used. */
function parametersOf({ node }: PlannableStatement): number[] {
  const numbers = Array.from(nodesIn(node)).flatMap((each) => as(each, 'ParamRef')?.number ?? [])
  return Array.from({ length: Math.max(0, ...numbers) }, (_, at) => at + 1)
}

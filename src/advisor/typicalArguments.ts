import type { ClientBase } from 'pg'
import type { PlannedStatement } from './plannedStatement.ts'

export async function withTypicalArguments(
  _client: ClientBase,
  _statement: PlannedStatement,
): Promise<PlannedStatement | undefined> {
  return Promise.resolve(undefined)
}

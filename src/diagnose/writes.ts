import type { ClientBase } from 'pg'
import { borrow } from '../postgres/database.ts'
import { explainAnalyzed } from '../catalog/statementPlan.ts'
import { explainSlowStatements } from '../workload/slowStatements.ts'
import { excerpt } from '../syntax/excerpt.ts'
import type { Block } from './block.ts'
import { textBlock } from './block.ts'
import { attempt } from '../catalog/attempt.ts'
import { planStep } from './planBlock.ts'

const statementTimeout = '15s'
const lockTimeout = '1s'

/**
 * Executes the worst statements that write, each rolled back at once. Rows stay as they were, but no rollback undoes
 * sequences and calls out of the database. So it is done on request only.
 */
export async function explainWrites(client: ClientBase): Promise<Block[]> {
  await client.query('BEGIN')
  try {
    await client.query(
      `SELECT set_config('search_path', '', true), set_config('statement_timeout', $1, true),
              set_config('lock_timeout', $2, true)`,
      [statementTimeout, lockTimeout],
    )
    const db = borrow(client)
    const explained = await attempt(db, () => explainSlowStatements(db))
    if (explained.status !== 'ok') return []
    const blocks: Block[] = []
    for (const { statement } of explained.value.filter(({ plan }) => plan?.writes)) {
      const outcome = await attempt(db, () => explainAnalyzed(db, statement))
      const name = `${statement.id}  ${excerpt(statement.text)}`
      blocks.push(
        outcome.status === 'ok'
          ? {
              kind: 'plan',
              head: [name, '  Executed and rolled back:'],
              step: planStep(outcome.value),
              foot: [],
            }
          : textBlock(name, `  Not executed: ${outcome.reason}.`),
      )
    }
    return blocks
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

import type { ClientBase } from 'pg'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { Statement } from '../../syntax/statements.ts'
import type { NameInTree } from '../statementKind.ts'
import { findDetach } from '../statementKind.ts'
import { autocommitted } from './autocommitted.ts'
import type { Step } from './step.ts'

/**
 * `DETACH PARTITION ... CONCURRENTLY`: its first transaction marks the partition as being detached, its second one ends
 * it. If it was cut off in between, the second one is made up for:
 *
 * ```sql
 * ALTER TABLE parent DETACH PARTITION partition FINALIZE
 * ```
 */
export function partitionDetach(statement: Statement): Step | undefined {
  const detach = findDetach(statement)
  if (!detach?.concurrent) return undefined
  const [parent, partition] = [inSql(detach.parent), inSql(detach.partition)]
  const finalize = `ALTER TABLE ${parent} DETACH PARTITION ${partition} FINALIZE`
  const [whole, rest] = [autocommitted(statement), autocommitted({ ...statement, sql: finalize })]
  return {
    ...whole,
    isLasting: true,
    async isStillToDo({ options: { client }, resumed }) {
      // If it never was a partition, PostgreSQL says so.
      return !resumed || (await findState(client, parent, partition)) !== 'detached'
    },
    async run(options, mark, place) {
      const isPending = (await findState(options.client, parent, partition)) === 'pending'
      await (isPending ? rest : whole).run(options, mark, place)
    },
  }
}

async function findState(
  client: ClientBase,
  parent: string,
  partition: string,
): Promise<'attached' | 'pending' | 'detached'> {
  const { rows } = await client.query<{ pending: boolean }>(
    `SELECT inhdetachpending AS pending FROM pg_catalog.pg_inherits
     WHERE inhparent = pg_catalog.to_regclass($1) AND inhrelid = pg_catalog.to_regclass($2)`,
    [parent, partition],
  )
  const [row] = rows
  if (!row) return 'detached'
  return row.pending ? 'pending' : 'attached'
}

function inSql({ schemaname, relname }: NameInTree): string {
  return schemaname === undefined ? quote(relname) : qualified({ schema: schemaname, name: relname })
}

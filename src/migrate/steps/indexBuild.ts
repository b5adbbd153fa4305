import type { ClientBase } from 'pg'
import { UsageError } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import type { Statement } from '../../syntax/statements.ts'
import { autocommitted } from './autocommitted.ts'
import { ForeignIndex, dropConcurrently, findByName, isSameName, schemaOf } from './indexes.ts'
import type { IndexStmt } from './sameIndex.ts'
import { wouldBeTheSame } from './sameIndex.ts'
import type { Step, StepRun } from './step.ts'

/** `CREATE INDEX CONCURRENTLY`: the relation that has the index's name shows how far the build came. */
export function indexBuild(statement: Statement): Step | undefined {
  const node = statement.node['IndexStmt'] as IndexStmt | undefined
  if (!node?.concurrent) return undefined
  return {
    ...autocommitted(statement),
    async remember({ options }) {
      const { index, found } = await look(options.client, statement)
      return found?.isIndex ? [] : [{ kind: 'indexBuild', ...index }]
    },
    async isStillToDo({ migration, options: { client }, records }) {
      const { index, found } = await look(client, statement)
      if (!found) return true
      if (!found.isIndex) throw new ForeignIndex(migration.name, index, 'a relation that is no index')
      const isOurs = records.some((record) => record.kind === 'indexBuild' && isSameName(record, index))
      if (!found.isValid && isOurs) {
        await dropConcurrently(client, index)
        return true
      }
      if (!(await wouldBeTheSame(client, found.oid, node))) {
        throw new ForeignIndex(migration.name, index, found.isValid ? found.definition : 'an invalid index')
      }
      if (!found.isValid) await client.query(`REINDEX INDEX CONCURRENTLY ${qualified(index)}`)
      return false
    },
    async listMade(client) {
      const { index, found } = await look(client, statement)
      return found?.isIndex ? [{ kind: 'made', ...index, definition: found.definition }] : []
    },
    async heal(client) {
      const { index, found } = await look(client, statement)
      if (!found?.isIndex || found.isValid || !(await wouldBeTheSame(client, found.oid, node))) return false
      await client.query(`REINDEX INDEX CONCURRENTLY ${qualified(index)}`)
      return true
    },
  }
}

/** Drops what a build made. In a migration with lasting steps a valid index stays: the next run continues from it. */
export async function dropBuilt(index: RelationName, run: StepRun): Promise<void> {
  const { client, onEvent } = run.options
  const found = await findByName(client, index)
  if (!found?.isIndex || (run.isMixed && found.isValid)) return
  onEvent?.({ kind: 'undoing', name: run.migration.name, what: `dropping index ${display(index)}` })
  await dropConcurrently(client, index)
}

/** The name of the index to build, and the relation that has this name now. */
async function look(client: ClientBase, { node, sql }: Statement) {
  const { idxname: name, relation } = node['IndexStmt'] as IndexStmt
  if (!name) {
    throw new UsageError(
      `A concurrent build names no index: ${sql}`,
      'Give the index a name: by it, the next run finds the index of a run that was killed.',
    )
  }
  const index = { schema: relation.schemaname ?? (await schemaOf(client, relation.relname)), name }
  return { index, found: await findByName(client, index) }
}

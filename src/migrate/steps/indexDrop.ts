import type { ClientBase } from 'pg'
import { display } from '../../postgres/identifiers.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import { relationsIn } from '../../syntax/relations.ts'
import type { Statement } from '../../syntax/statements.ts'
import { isConcurrent } from '../statementKind.ts'
import { autocommitted } from './autocommitted.ts'
import { ForeignIndex, dropConcurrently, findByName, isSameName, schemaOf } from './indexes.ts'
import type { DefinedIndex, StepRecord } from './record.ts'
import type { Step, StepRun } from './step.ts'

/** `DROP INDEX CONCURRENTLY`: it still has to run as long as one of the indexes exists, valid or not. */
export function indexDrop(statement: Statement): Step | undefined {
  if (!('DropStmt' in statement.node) || !isConcurrent(statement)) return undefined
  const look = async (client: ClientBase, { schema, name }: NamedRelation) => {
    const index = { schema: schema ?? (await schemaOf(client, name)), name }
    return { index, found: await findByName(client, index) }
  }
  return {
    ...autocommitted(statement),
    async remember({ migration, direction, options: { client }, records }) {
      const dropped: StepRecord[] = []
      for (const name of relationsIn(statement.node)) {
        const { index, found } = await look(client, name)
        if (!found?.isValid) continue
        const { definition } = found
        const isNotOurs = records.some(
          (made) => made.kind === 'made' && isSameName(made, index) && made.definition !== definition,
        )
        if (direction === 'down' && isNotOurs) throw new ForeignIndex(migration.name, index, definition)
        dropped.push({ kind: 'indexDrop', ...index, definition })
      }
      return dropped
    },
    async isStillToDo({ options: { client }, resumed }) {
      if (!resumed) return true
      for (const name of relationsIn(statement.node)) {
        if ((await look(client, name)).found?.isIndex) return true
      }
      return false
    },
  }
}

/** Builds a dropped index again. An index whose drop was cut off is invalid, and is dropped first. */
export async function rebuildDropped(index: DefinedIndex, run: StepRun): Promise<void> {
  if (run.isMixed) return
  const { client, onEvent } = run.options
  const found = await findByName(client, index)
  if (found?.isValid) return
  onEvent?.({ kind: 'undoing', name: run.migration.name, what: `building index ${display(index)} again` })
  if (found?.isIndex) await dropConcurrently(client, index)
  await client.query(index.definition.replace(' INDEX ', ' INDEX CONCURRENTLY '))
}

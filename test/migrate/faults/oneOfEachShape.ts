import type { Client } from 'pg'
import type { Migration } from '../../../src/migrate/migration.ts'
import { readScript } from '../../../src/migrate/script.ts'
import { isConcurrent } from '../../../src/migrate/statementKind.ts'
import type { Statement } from '../../../src/syntax/statements.ts'

/**
 * The positions of the first migration of each shape: those that send the same kinds of statements in the same
 * order, in a transaction or one by one. Forty builds of an index differ in names only, and names are nothing to
 * a runner that is killed. `FAULTS=all` walks them all.
 */
export async function oneOfEachShape(migrations: Migration[], client: Client): Promise<number[]> {
  if (process.env.FAULTS === 'all') return [...migrations.keys()]
  const shapes = new Map<string, number>()
  for (const [position, migration] of migrations.entries()) {
    const shape = JSON.stringify([
      await kinds(migration, 'up', client),
      await kinds(migration, 'down', client),
    ])
    if (!shapes.has(shape)) shapes.set(shape, position)
  }
  return [...shapes.values()]
}

async function kinds(migration: Migration, direction: 'up' | 'down', client: Client): Promise<unknown[]> {
  const { statements, transactional } = await readScript(migration, direction, {
    client,
    statementTimeoutMs: 60_000,
  })
  const all = statements.map(kindOf)
  // Two policies in a row or five: what is between them is the same.
  return [transactional, ...all.filter((kind, at) => kind !== all[at - 1] || kind !== all[at - 2])]
}

/** `DropStmt OBJECT_INDEX concurrently`: a drop of an index is another statement than one of a function. */
function kindOf(statement: Statement): string {
  const [[kind, node]] = Object.entries(statement.node) as [[string, { removeType?: string } | undefined]]
  return [kind, node?.removeType, isConcurrent(statement) && 'concurrently'].filter(Boolean).join(' ')
}

import { borrow } from '../postgres/database.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { UsageError } from '../errors.ts'
import { findDatabasePrivilege, listNotOwned, listSchemasWithoutCreate } from '../catalog/privileges.ts'
import { findSchema } from '../catalog/schemas.ts'
import { shortList } from '../shortList.ts'
import { needsOf } from '../syntax/privileges.ts'
import type { Statement } from '../syntax/statements.ts'
import type { NamedObjects } from './gain/changedObjects.ts'
import { namedObjects } from './gain/changedObjects.ts'
import { ledgerSchema } from './ledger.ts'
import type { Direction, Migration } from './migration.ts'
import type { RunOptions } from './runOptions.ts'
import { buildScript, inReadOnlyTransaction } from './script.ts'

/**
 * Checks, before the first migration runs, that the role has every privilege that all of them need.
 *
 * @returns what the statements of each migration name; those that need what an earlier one makes are left out
 * @throws UsageError that names each table, schema or database, with the missing privilege
 */
export async function refuseMissingPrivileges(
  migrations: Migration[],
  direction: Direction,
  options: RunOptions,
): Promise<Map<string, NamedObjects>> {
  const db = borrow(options.client)
  const { role, lacking, named } = await inReadOnlyTransaction(options, async () => {
    const statements = await listStatements(migrations, direction, options)
    const needs = Array.from(statements.values()).flatMap((each) => each.map(({ node }) => needsOf(node)))
    const { role, database, mayCreate } = await findDatabasePrivilege(db)
    const createsSchema =
      needs.some(({ createInDatabase }) => createInDatabase) || !(await findSchema(db, ledgerSchema))
    const foreign = await listNotOwned(
      db,
      needs.flatMap(({ owned }) => owned),
    )
    const closed = await listSchemasWithoutCreate(
      db,
      needs.flatMap(({ createIn }) => createIn),
    )
    return {
      role,
      named: new Map(Array.from(statements, ([name, each]) => [name, namedObjects(each)])),
      lacking: [
        ...(createsSchema && !mayCreate ? [`CREATE on database ${displayIdentifier(database)}`] : []),
        ...closed.map((schema) => `CREATE on schema ${displayIdentifier(schema)}`),
        ...foreign.map(
          (relation) =>
            `ownership of ${display(relation)} (it belongs to ${displayIdentifier(relation.owner)})`,
        ),
      ],
    }
  })
  if (lacking.length === 0) return named
  throw new UsageError(
    `Role ${displayIdentifier(role)} lacks:\n  ${shortList(lacking, '\n  ')}\nNothing was run.`,
    'Run as the owner, or let the owner or a superuser grant it.',
    { details: lacking },
  )
}

async function listStatements(migrations: Migration[], direction: Direction, options: RunOptions) {
  const { client, statementTimeoutMs } = options
  const statements = new Map<string, Statement[]>()
  for (const migration of migrations) {
    try {
      const script = await buildScript(migration, direction, client, statementTimeoutMs)
      statements.set(migration.name, script.statements)
    } catch {
      // It may need what an earlier migration makes; if it still fails at its turn, that run says so.
      await client.query('ROLLBACK; BEGIN TRANSACTION READ ONLY')
    }
  }
  return statements
}

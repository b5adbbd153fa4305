import type { CacheTable } from '../../../catalog/cacheTables.ts'
import { findCacheTable } from '../../../catalog/cacheTables.ts'
import { findFunctionsNamed, listExtensionFunctions } from '../../../catalog/functions.ts'
import { findPoliciesOf } from '../../../catalog/policies.ts'
import { listPartlyReadable } from '../../../catalog/readRights.ts'
import { wantedSchemas } from '../../../catalog/scope.ts'
import type { Snapshot } from '../../../catalog/snapshot.ts'
import { byTable } from '../../../catalog/byTable.ts'
import { listTableGrantees } from '../../../catalog/tableGrantees.ts'
import { readFunctions } from '../../../policies/read/functionCatalog.ts'
import { readReach, readSelectPolicies } from '../../../policies/read/reach.ts'
import type { CatalogTable } from '../../../policies/read/tableCatalog.ts'
import { findTablesNamed } from '../../../policies/read/tableCatalog.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../../syntax/nodes.ts'
import type { Known } from './statementReads.ts'

/** Reads everything that the statements can reach, whatever their names mean. */
export async function readKnown(context: Snapshot, statements: readonly Node[]): Promise<Known> {
  const { db, read } = context
  const reach = await readReach(
    db,
    await read(readFunctions),
    { trees: [...statements], called: [] },
    {
      named: (names) => findTablesNamed(db, names),
      policiesOf: (tables) => readSelectPolicies(db, tables),
    },
  )
  const relations = [...reach.relations.values()].flat()
  const tables = relations.filter(({ kind }) => kind !== 'v')
  const trees = [
    ...statements,
    ...reach.views.values(),
    ...Array.from(reach.bodies.values()).flatMap(({ parts }) => parts),
    ...Array.from(reach.policies.values()).flatMap((policies) =>
      policies.flatMap(({ using }) => (using ? [using] : [])),
    ),
  ]
  return {
    reach,
    ofExtensions: await read(listExtensionFunctions),
    policies: byTable(
      await findPoliciesOf(
        db,
        tables.map(({ oid }) => oid),
      ),
    ),
    grantees: await read(listTableGrantees),
    partlyReadable: await read(listPartlyReadable),
    cacheTables: await findCacheTables(context, tables),
    rowFunctions: (await findFunctionsNamed(db, namesAfterDots(trees))).filter(
      ({ argumentTypes }) => argumentTypes.length === 1,
    ),
    wanted: await wantedSchemas(context),
  }
}

async function findCacheTables({ db }: Snapshot, tables: CatalogTable[]): Promise<Map<number, CacheTable>> {
  const found = new Map<number, CacheTable>()
  for (const table of tables) {
    const each = await findCacheTable(db, table)
    if (each) found.set(table.oid, each)
  }
  return found
}

function namesAfterDots(trees: readonly Node[]): string[] {
  const parts = nodesIn(trees).flatMap((node): Node[] => [
    ...(as(node, 'ColumnRef')?.fields.slice(1) ?? []),
    ...(as(node, 'A_Indirection')?.indirection ?? []),
  ])
  return [...new Set(words(parts))]
}

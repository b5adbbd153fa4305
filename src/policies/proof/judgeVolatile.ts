import type { FunctionName } from '../../catalog/functions.ts'
import { findFunction } from '../../catalog/functions.ts'
import type { Policy } from '../../catalog/policies.ts'
import { findPoliciesOf } from '../../catalog/policies.ts'
import type { Read } from '../../catalog/reader.ts'
import type { Database } from '../../postgres/database.ts'
import { parseExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { firstOf } from '../read/firstOf.ts'
import { readFunctions } from '../read/functionCatalog.ts'
import type { Reach, RelationSource } from '../read/reach.ts'
import { readReach, readSelectPolicies } from '../read/reach.ts'
import { findTablesNamed, listCatalogTables } from '../read/tableCatalog.ts'
import { readVolatileFunctions } from '../read/volatility/readVolatileFunctions.ts'
import type { VolatileFunctions } from '../read/volatility/volatileFunctions.ts'
import { shared } from './shared.ts'
import type { Subject } from './subject.ts'

/**
 * Why functions that are declared VOLATILE must be called for every row of a command that policies of the table judge, by
 * their oids, as the catalog is now. Those that may be called once per statement are absent.
 */
export async function judgeVolatile(
  db: Database,
  { table }: Subject,
  { byName }: Reach,
): Promise<Map<number, string>> {
  const declared = [...byName.values()].flat().filter(({ volatility }) => volatility === 'volatile')
  if (declared.length === 0) return new Map()
  const volatile = await shared(db)(readVolatile)
  await volatile.prepare(
    db,
    declared.map((called) => ({ called, tableOid: table.oid })),
  )
  return new Map(
    declared.flatMap((called) => {
      const why = volatile.whyPerRow(called, table.oid)
      return why === undefined ? [] : [[called.oid, why] as const]
    }),
  )
}

/** Why the function may not be declared STABLE, as a phrase; undefined if nothing is known against it. */
export async function whyNotStable(db: Database, name: FunctionName): Promise<string | undefined> {
  const called = await findFunction(db, name)
  if (!called) return 'no such function'
  const read = shared(db)
  const volatile = await read(readVolatile)
  const calling = (await read(readAllPolicies)).filter(({ functionOids }) =>
    functionOids.includes(called.oid),
  )
  const calls = calling.map(({ tableOid }) => ({ called, tableOid }))
  await volatile.prepare(db, calls)
  return firstOf(calls, ({ tableOid }) => volatile.whyPerRow(called, tableOid))
}

async function readAllPolicies(db: Database, read: Read): Promise<Policy[]> {
  return findPoliciesOf(db, [...(await read(listCatalogTables)).keys()])
}

/** Everything that all policies say and reach. */
async function readVolatile(db: Database, read: Read): Promise<VolatileFunctions> {
  const tables = await read(listCatalogTables)
  const predicates: { tableOid: number; trees: Node[] | undefined }[] = []
  for (const { tableOid, using, check } of await read(readAllPolicies))
    predicates.push({ tableOid, trees: await treesOf([using, check]) })
  const source: RelationSource = {
    named: (names) => findTablesNamed(db, names),
    policiesOf: (of) => readSelectPolicies(db, of),
  }
  const trees = predicates.flatMap((each) => each.trees ?? [])
  const reach = await readReach(db, await read(readFunctions), { trees, called: [] }, source)
  return readVolatileFunctions(db, [], { reach, tables, predicates, source })
}

async function treesOf(texts: (string | null)[]): Promise<Node[] | undefined> {
  try {
    const trees: Node[] = []
    for (const text of texts) if (text !== null) trees.push(await parseExpression(text))
    return trees
  } catch {
    return undefined
  }
}

import type { Database } from '../../../postgres/database.ts'
import type { Node } from '../../../syntax/nodes.ts'
import type { Reach, RelationSource } from '../reach.ts'
import type { CatalogTable } from '../tableCatalog.ts'
import { readCode } from './readCode.ts'
import type { VolatileCall } from './volatileFunctions.ts'
import { VolatileFunctions } from './volatileFunctions.ts'

/** What is known of a database before its VOLATILE functions are judged. */
export interface Surrounding {
  /** What all policies reach. */
  reach: Reach
  tables: ReadonlyMap<number, CatalogTable>
  /** The predicates of every policy, of any command; undefined for one that cannot be read. */
  predicates: readonly { tableOid: number; trees: Node[] | undefined }[]
  source: RelationSource
}

/** Reads what judging these calls takes. Without a call nothing is read. */
export async function readVolatileFunctions(
  db: Database,
  calls: readonly VolatileCall[],
  { reach, tables, predicates, source }: Surrounding,
): Promise<VolatileFunctions> {
  const policies = new Map<number, (Node | undefined)[]>()
  for (const { tableOid, trees } of predicates)
    policies.set(tableOid, [...(policies.get(tableOid) ?? []), ...(trees ?? [undefined])])
  const found = new VolatileFunctions(() => readCode(db, { reach, tables, policies }), source)
  await found.prepare(db, calls)
  return found
}

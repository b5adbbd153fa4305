import type { Policy } from '../../catalog/policies.ts'
import { listPolicies } from '../../catalog/policies.ts'
import type { Read } from '../../catalog/reader.ts'
import { readServerFacts } from '../../catalog/server.ts'
import type { Database } from '../../postgres/database.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { listPolicyFunctions } from '../../catalog/functions.ts'
import type { Functions } from './functionCatalog.ts'
import { readFunctions } from './functionCatalog.ts'
import type { IndexedTable } from './tableCatalog.ts'
import { listCatalogTables } from './tableCatalog.ts'

/** A policy with its table and the functions that it calls. */
export interface PolicyOnTable extends Policy {
  table: IndexedTable
  /** The functions that its predicates call; those of the server itself are not among them. */
  functions: CatalogFunction[]
}

/** Every policy of tables that nobody locks exclusively, with everything that the preconditions need. */
export interface PolicyCatalog {
  /** By schema, table and name. */
  policies: PolicyOnTable[]
  /** Every table, view and foreign table outside of the system's schemas, by oid. */
  tables: Map<number, IndexedTable>
  functions: Functions
  /** The functions that the policies call. */
  called: CatalogFunction[]
  /** The role that asked. */
  role: string
}

/** Reads the policies with their tables and functions; call it with an empty `search_path`. */
export async function readPolicyCatalog(_: Database, read: Read): Promise<PolicyCatalog> {
  const [tables, listed] = [await read(listCatalogTables), await read(listPolicies)]
  const called = await read(listPolicyFunctions)
  const byOid = new Map(called.map((each) => [each.oid, each]))
  const policies = listed.flatMap((policy): PolicyOnTable[] => {
    const table = tables.get(policy.tableOid)
    if (!table) return []
    return [{ ...policy, table, functions: policy.functionOids.flatMap((oid) => byOid.get(oid) ?? []) }]
  })
  const { role } = await read(readServerFacts)
  return { policies, tables, functions: await read(readFunctions), called, role }
}

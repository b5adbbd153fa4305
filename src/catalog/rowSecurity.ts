import type { Database } from '../postgres/database.ts'
import { byTable } from './byTable.ts'
import { listColumns } from './columns.ts'
import type { CatalogFunction } from './functions.ts'
import { listPolicyFunctions } from './functions.ts'
import { readIndexes } from './indexes.ts'
import { listLockedOids } from './lockedRelations.ts'
import type { Policy } from './policies.ts'
import { listPolicies } from './policies.ts'
import type { Read } from './reader.ts'
import type { Relation } from './relations.ts'
import { listRelations } from './relations.ts'

/** A policy with the signatures of the functions that it calls. */
export interface SecuringPolicy extends Policy {
  calls: string[]
}

/** A table with row-level security, with policies, or with both. */
export interface SecuredTable extends Relation {
  policies: SecuringPolicy[]
  /** Columns of policies on which no index of the table leads. */
  columnsWithoutIndex: string[]
}

/** A function that policies call. */
export interface PolicyFunction extends CatalogFunction {
  /** The number of policies that call it. */
  usedBy: number
}

/** Everything that row-level security does in the user's schemas. */
export interface RowSecurity {
  tables: SecuredTable[]
  functions: PolicyFunction[]
}

/** Tables, policies, and the functions and columns that policies depend on; without locked tables. */
export async function readRowSecurity(_: Database, read: Read): Promise<RowSecurity> {
  const called = await read(listPolicyFunctions)
  const policies = (await read(listPolicies)).map((policy) => ({
    ...policy,
    calls: called
      .flatMap(({ oid, signature }) => (policy.functionOids.includes(oid) ? signature : []))
      .sort(),
  }))
  const functions = called.map((each) => ({
    ...each,
    usedBy: policies.filter(({ calls }) => calls.includes(each.signature)).length,
  }))
  return {
    tables: await listSecuredTables(read, policies),
    functions: functions.sort(
      (one, other) => other.usedBy - one.usedBy || (one.signature < other.signature ? -1 : 1),
    ),
  }
}

async function listSecuredTables(read: Read, policies: SecuringPolicy[]): Promise<SecuredTable[]> {
  const [locked, columns] = [await read(listLockedOids), await read(listColumns)]
  const leading = new Set(
    (await read(readIndexes)).all
      .filter(({ isValid, isPartial }) => isValid && !isPartial)
      .map(({ tableOid, keys: [first] }) => `${tableOid} ${first?.attnum}`),
  )
  const policiesOf = byTable(policies)
  return (await read(listRelations))
    .filter(
      ({ oid, kind, rowSecurity }) =>
        'rp'.includes(kind) && !locked.has(oid) && (rowSecurity || policiesOf.has(oid)),
    )
    .map((table) => {
      const own = policiesOf.get(table.oid) ?? []
      const mentioned = new Set(own.flatMap(({ columnNumbers }) => columnNumbers))
      const columnsWithoutIndex = (columns.get(table.oid) ?? [])
        .filter(({ number }) => mentioned.has(number) && !leading.has(`${table.oid} ${number}`))
        .map(({ name }) => name)
      return { ...table, policies: own, columnsWithoutIndex: columnsWithoutIndex.sort() }
    })
}

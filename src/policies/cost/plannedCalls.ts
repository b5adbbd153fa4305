import type { Node } from '../../syntax/nodes.ts'
import { nodesIn } from '../../syntax/nodes.ts'
import { relationsIn } from '../../syntax/relations.ts'
import type { ParsedPolicies, ParsedPolicy } from '../rewrite/parsedPolicies.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'

/** How often one statement of a kind mentions some functions, in the policies that PostgreSQL plans with it. */
export interface PlannedCalls {
  command: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'
  calls: number
}

const commands = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

/**
 * The command on the table whose policies mention the functions most often. PostgreSQL plans all policies of a command,
 * those for SELECT too where the statement reads a column, and those of the tables that their sub-selects read.
 */
export function mostPlannedCalls(
  table: CatalogTable,
  policies: ParsedPolicies,
  isCounted: (node: Node) => boolean,
): PlannedCalls {
  const counted = commands.map((command) => {
    const readsRows = command === 'SELECT' ? [] : callsIn(table, 'SELECT')
    return { command, calls: sum([...callsIn(table, command), ...readsRows]) }
  })
  return counted.reduce((most, each) => (each.calls > most.calls ? each : most))

  function callsIn(of: CatalogTable, command: string, above: readonly number[] = []): number[] {
    if (!of.rowSecurity || above.includes(of.oid)) return []
    const applying = policies.parsed.filter(
      ({ policy }) => policy.table.oid === of.oid && [command, 'ALL'].includes(policy.command),
    )
    return applying.flatMap((each) =>
      treesOf(each, command).flatMap((tree) => [
        nodesIn(tree).filter(isCounted).length,
        ...tablesReadBy(tree).flatMap((read) => callsIn(read, 'SELECT', [...above, of.oid])),
      ]),
    )
  }

  function tablesReadBy(tree: Node): CatalogTable[] {
    return relationsIn(tree).flatMap(({ schema, name }) =>
      (policies.reach.relations.get(name) ?? []).filter((each) => each.schema === (schema ?? each.schema)),
    )
  }
}

/** INSERT asks WITH CHECK, SELECT and DELETE ask USING, and UPDATE asks both. */
function treesOf({ using, check }: ParsedPolicy, command: string): Node[] {
  const asked =
    command === 'INSERT' ? [check ?? using] : command === 'UPDATE' ? [using, check ?? using] : [using]
  return asked.filter((tree) => tree !== undefined)
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

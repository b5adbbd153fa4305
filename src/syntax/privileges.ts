import type { NamedRelation } from './relations.ts'
import { relationsIn, tablesOfDroppedPolicies } from './relations.ts'
import type { Node } from './nodes.ts'

/** What a role must own to run a statement, and where it needs the privilege CREATE. */
export interface Needs {
  /** Relations that only their owner may change in this way. */
  owned: NamedRelation[]
  /** Schemas in which something is created. */
  createIn: string[]
  /** A schema or the like is created in the database. */
  createInDatabase: boolean
}

/**
 * Which parts of a statement name relations that only their owner may change so. Other parts may name relations of others:
 * the table that a foreign key points to, or one that a policy reads.
 */
const byOwner: Record<string, (statement: Record<string, unknown>) => unknown> = {
  IndexStmt: ({ relation }) => relation,
  AlterTableStmt: ({ relation, cmds }) => [relation, partitionsAndParents(cmds)],
  CreatePolicyStmt: ({ table }) => table,
  AlterPolicyStmt: ({ table }) => table,
  DropStmt: (statement) => statement,
  RenameStmt: ({ relation }) => relation,
  ReindexStmt: ({ relation }) => relation,
  RuleStmt: ({ relation }) => relation,
}

/** Of `ATTACH PARTITION p`, `DETACH PARTITION p`, `INHERIT p` and `NO INHERIT p`. */
function partitionsAndParents(commands: unknown): unknown[] {
  return ((commands ?? []) as { AlterTableCmd?: { def?: Node } }[]).map(({ AlterTableCmd }) => {
    const { PartitionCmd, RangeVar } = AlterTableCmd?.def ?? {}
    return (PartitionCmd as { name?: unknown } | undefined)?.name ?? RangeVar
  })
}

/**
 * What a statement needs, as far as the statement itself shows. The server has the last word; this list lets us name
 * everything that is missing at once, before the first statement runs.
 */
export function needsOf(node: Node): Needs {
  const needs: Needs = { owned: [], createIn: [], createInDatabase: false }
  for (const [kind, owned] of Object.entries(byOwner)) {
    const statement = node[kind] as Record<string, unknown> | undefined
    if (statement) needs.owned.push(...relationsIn({ owned: owned(statement) }))
  }
  needs.owned.push(...tablesOfDroppedPolicies(node))
  const table = node['CreateStmt'] as { relation?: { schemaname?: string } } | undefined
  if (table?.relation?.schemaname) needs.createIn.push(table.relation.schemaname)
  const created = node['CreateFunctionStmt'] as { funcname?: Part[] } | undefined
  if (created?.funcname && created.funcname.length > 1)
    needs.createIn.push(created.funcname[0]?.String.sval ?? '')
  needs.createInDatabase = 'CreateSchemaStmt' in node
  return needs
}

interface Part {
  String: { sval: string }
}

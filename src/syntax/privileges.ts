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

/** Statements that only the owner of every relation in them may run. */
const byOwner = [
  'IndexStmt',
  'AlterTableStmt',
  'CreatePolicyStmt',
  'AlterPolicyStmt',
  'DropStmt',
  'RenameStmt',
  'ReindexStmt',
  'RuleStmt',
]

/**
 * What a statement needs, as far as the statement itself shows. The server has the last word; this list lets us name
 * everything that is missing at once, before the first statement runs.
 */
export function needsOf(node: Node): Needs {
  const needs: Needs = { owned: [], createIn: [], createInDatabase: false }
  if (byOwner.some((kind) => kind in node)) needs.owned.push(...relationsIn(node))
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

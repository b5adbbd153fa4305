import type { Statement } from '../syntax/statements.ts'

/** BEGIN, COMMIT, ROLLBACK, PREPARE TRANSACTION ...; savepoints stay inside their transaction and are allowed. */
export function isTransactionControl({ node }: Statement): boolean {
  const kind = (node['TransactionStmt'] as { kind?: string } | undefined)?.kind
  if (kind === undefined) return false
  return !['TRANS_STMT_SAVEPOINT', 'TRANS_STMT_RELEASE', 'TRANS_STMT_ROLLBACK_TO'].includes(kind)
}

/** `... CONCURRENTLY`: runs in several transactions of its own and does not block reads and writes. */
export function isConcurrent({ node }: Statement): boolean {
  if (findDetach({ node })?.concurrent) return true
  const statement = Object.values(node)[0] as { concurrent?: boolean; params?: Param[] } | undefined
  if (!statement) return false
  if (node['IndexStmt'] ?? node['DropStmt']) return statement.concurrent === true
  if (node['ReindexStmt']) return hasParam(statement.params, 'concurrently')
  return false
}

/** `CALL`: its procedure may commit, which PostgreSQL allows only outside of a transaction block. */
export function isCall({ node }: Statement): boolean {
  return 'CallStmt' in node
}

/** A name as the parser gives it; without a schema, `search_path` decides. */
export interface NameInTree {
  relname: string
  schemaname?: string
}

interface AlterTable {
  relation?: NameInTree
  cmds?: {
    AlterTableCmd?: {
      subtype?: string
      def?: { PartitionCmd?: { name?: NameInTree; concurrent?: boolean } }
    }
  }[]
}

/** `ALTER TABLE parent DETACH PARTITION partition [CONCURRENTLY]`; undefined for any other statement. */
export function findDetach({
  node,
}: Pick<Statement, 'node'>): { parent: NameInTree; partition: NameInTree; concurrent: boolean } | undefined {
  const { relation, cmds } = (node['AlterTableStmt'] ?? {}) as AlterTable
  const command = cmds?.[0]?.AlterTableCmd
  const { name, concurrent } = command?.def?.PartitionCmd ?? {}
  if (command?.subtype !== 'AT_DetachPartition' || !relation || !name) return undefined
  return { parent: relation, partition: name, concurrent: concurrent === true }
}

/**
 * Statements that may take long and let reads and writes go on meanwhile: `VALIDATE CONSTRAINT` with nothing beside it,
 * `REFRESH MATERIALIZED VIEW CONCURRENTLY` (the view can be read).
 */
export function isLongButQuiet({ node }: Statement): boolean {
  const refresh = node['RefreshMatViewStmt'] as { concurrent?: boolean } | undefined
  if (refresh) return refresh.concurrent === true
  const { cmds = [] } = (node['AlterTableStmt'] ?? {}) as AlterTable
  return (
    cmds.length > 0 &&
    cmds.every(({ AlterTableCmd: command }) => command?.subtype === 'AT_ValidateConstraint')
  )
}

/** Statements that PostgreSQL refuses inside a transaction block. */
export function needsAutocommit(statement: Statement): boolean {
  const { node } = statement
  if (isConcurrent(statement)) return true
  const vacuum = node['VacuumStmt'] as { is_vacuumcmd?: boolean } | undefined
  if (vacuum) return vacuum.is_vacuumcmd === true
  const reindex = node['ReindexStmt'] as { kind?: string } | undefined
  if (reindex)
    return ['REINDEX_OBJECT_SCHEMA', 'REINDEX_OBJECT_SYSTEM', 'REINDEX_OBJECT_DATABASE'].includes(
      reindex.kind ?? '',
    )
  return ['CreatedbStmt', 'DropdbStmt', 'AlterSystemStmt', 'CreateTableSpaceStmt', 'DropTableSpaceStmt'].some(
    (kind) => kind in node,
  )
}

interface Param {
  DefElem?: { defname?: string }
}

function hasParam(params: Param[] | undefined, name: string): boolean {
  return params?.some((param) => param.DefElem?.defname === name) ?? false
}

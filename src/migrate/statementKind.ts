import type { Statement } from '../syntax/statements.ts'

/** BEGIN, COMMIT, ROLLBACK, PREPARE TRANSACTION ...; savepoints stay inside their transaction and are allowed. */
export function isTransactionControl({ node }: Statement): boolean {
  const kind = (node['TransactionStmt'] as { kind?: string } | undefined)?.kind
  if (kind === undefined) return false
  return !['TRANS_STMT_SAVEPOINT', 'TRANS_STMT_RELEASE', 'TRANS_STMT_ROLLBACK_TO'].includes(kind)
}

/** `... CONCURRENTLY`: runs in several transactions of its own and does not block reads and writes. */
export function isConcurrent({ node }: Statement): boolean {
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

/** Statements that PostgreSQL refuses inside a transaction block. */
export function needsAutocommit(statement: Statement): boolean {
  const { node } = statement
  if (isConcurrent(statement)) return true
  const vacuum = node['VacuumStmt'] as { is_vacuumcmd?: boolean } | undefined
  if (vacuum) return vacuum.is_vacuumcmd === true
  const alterTable = node['AlterTableStmt'] as
    { cmds?: { AlterTableCmd?: { def?: { PartitionCmd?: { concurrent?: boolean } } } }[] } | undefined
  if (alterTable?.cmds?.some((command) => command.AlterTableCmd?.def?.PartitionCmd?.concurrent)) return true
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

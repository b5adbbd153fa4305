import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { deparseStatement } from '../syntax/deparse.ts'
import type { Node } from '../syntax/nodes.ts'
import { splitStatements } from '../syntax/statements.ts'
import type { CopyStatement } from './copySchema.ts'

/** Where a column stands among the others of its table in the source, from 1. */
export type PlaceOf = (table: RelationName, column: string) => number

/**
 * Lets every table be created with its columns in the source's order. If a column's type or default needs another
 * object, the plan of a copy adds the column in a statement of its own, and it would come last:
 *
 * ```sql
 * CREATE TABLE public.t (id int, note text);     -- planned
 * ALTER TABLE public.t ADD COLUMN mood public.mood DEFAULT 'gut';
 *
 * CREATE TABLE public.t (id int, mood public.mood, note text);
 * ALTER TABLE public.t ALTER COLUMN mood SET DEFAULT 'gut';
 * ```
 *
 * Types and domains then come before the tables. If a table cannot be created this way (a generated column calls a
 * function that takes the table's own row type, say), the planned statements are its `otherwise`.
 */
export async function inColumnOrder(
  statements: readonly CopyStatement[],
  placeOf: PlaceOf,
): Promise<CopyStatement[]> {
  const replaced = new Map<CopyStatement, CopyStatement[]>()
  for (const table of await tablesOutOfOrder(statements, placeOf)) {
    replaced.set(table.create, [await createWhole(table, placeOf)])
    for (const column of table.added) replaced.set(column.statement, await setDefault(column, table.name))
  }
  const isType = ({ objects }: CopyStatement): boolean =>
    objects.some((object) => /^(schema|extension|type|domain) /.test(object))
  const all = statements.flatMap((statement) => replaced.get(statement) ?? [statement])
  return replaced.size === 0 ? all : [...all.filter(isType), ...all.filter((one) => !isType(one))]
}

interface CreateStmt {
  relation: { schemaname?: string; relname: string }
  tableElts?: Node[]
}

interface ColumnDef {
  colname: string
  constraints?: Node[]
}

interface AddedColumn {
  statement: CopyStatement
  definition: ColumnDef
}

interface Table {
  name: RelationName
  create: CopyStatement
  node: CreateStmt
  added: AddedColumn[]
}

async function tablesOutOfOrder(statements: readonly CopyStatement[], placeOf: PlaceOf): Promise<Table[]> {
  const added = new Map<string, AddedColumn[]>()
  for (const statement of statements) {
    if (!/^ALTER TABLE .* ADD COLUMN /.test(statement.sql)) continue
    const node = await parseOne<{ relation: CreateStmt['relation']; cmds: Node[] }>(
      statement,
      'AlterTableStmt',
    )
    const command = node?.cmds[0]?.['AlterTableCmd'] as { def?: Node } | undefined
    const definition = command?.def?.['ColumnDef'] as ColumnDef | undefined
    if (!node || !definition) continue
    const table = display(nameOf(node))
    added.set(table, [...(added.get(table) ?? []), { statement, definition }])
  }
  const found: Table[] = []
  for (const create of statements) {
    if (added.size === 0 || !/^CREATE (UNLOGGED )?TABLE /.test(create.sql)) continue
    const node = await parseOne<CreateStmt>(create, 'CreateStmt')
    const columns = node && added.get(display(nameOf(node)))
    if (!node || !columns) continue
    const table: Table = { name: nameOf(node), create, node, added: columns }
    const order = [...inlineColumns(node), ...columns.map(({ definition }) => definition)]
    const places = order.map(({ colname }) => placeOf(table.name, colname))
    if (places.some((place, index) => index > 0 && place < (places[index - 1] ?? 0))) found.push(table)
  }
  return found
}

async function createWhole({ name, create, node, added }: Table, placeOf: PlaceOf): Promise<CopyStatement> {
  const columns = [...inlineColumns(node), ...added.map(({ definition }) => withoutDefault(definition))]
    .sort((a, b) => placeOf(name, a.colname) - placeOf(name, b.colname))
    .map((definition): Node => ({ ColumnDef: definition }))
  const rest = (node.tableElts ?? []).filter((element) => !('ColumnDef' in element))
  return {
    sql: await deparseStatement({ CreateStmt: { ...node, tableElts: [...columns, ...rest] } }),
    objects: [...create.objects, ...added.flatMap(({ statement }) => statement.objects)],
    otherwise: [create, ...added.map(({ statement }) => statement)],
  }
}

async function setDefault(
  { statement, definition }: AddedColumn,
  table: RelationName,
): Promise<CopyStatement[]> {
  const constraint = definition.constraints?.find(isDefault)?.['Constraint'] as { raw_expr: Node } | undefined
  if (!constraint) return []
  const select = await deparseStatement({
    SelectStmt: { targetList: [{ ResTarget: { val: constraint.raw_expr } }] },
  })
  const expression = select.replace(/^SELECT\s+/, '')
  return [
    {
      sql: `ALTER TABLE ${qualified(table)} ALTER COLUMN ${quote(definition.colname)} SET DEFAULT ${expression}`,
      objects: statement.objects,
    },
  ]
}

function withoutDefault(definition: ColumnDef): ColumnDef {
  return { ...definition, constraints: (definition.constraints ?? []).filter((one) => !isDefault(one)) }
}

function isDefault(constraint: Node): boolean {
  return (constraint['Constraint'] as { contype?: string } | undefined)?.contype === 'CONSTR_DEFAULT'
}

function inlineColumns({ tableElts = [] }: CreateStmt): ColumnDef[] {
  return tableElts.flatMap((element) => (element['ColumnDef'] as ColumnDef | undefined) ?? [])
}

function nameOf({ relation }: { relation: CreateStmt['relation'] }): RelationName {
  return { schema: relation.schemaname ?? 'public', name: relation.relname }
}

/** The statement's tree where it is one of that kind; what our parser cannot read stays as it was planned. */
async function parseOne<T>({ sql }: CopyStatement, kind: string): Promise<T | undefined> {
  const [statement] = await splitStatements(sql).catch(() => [])
  return statement?.node[kind] as T | undefined
}

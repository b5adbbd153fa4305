import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { deparseStatement } from '../syntax/deparse.ts'
import { parseExpression } from '../syntax/expression.ts'
import type { Node } from '../syntax/nodes.ts'
import { splitStatements } from '../syntax/statements.ts'
import { fieldsOf } from '../syntax/walk.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'

interface IndexStmt {
  idxname: string
  relation: { schemaname: string; relname: string }
  indexParams: Node[]
  concurrent?: boolean
  if_not_exists?: boolean
}

/** What to change in the definition of an index. */
export interface IndexEdit {
  name: string
  table: RelationName
  /** A further column, after the others. */
  also?: string
  concurrently?: boolean
  /** IF NOT EXISTS */
  ifMissing?: boolean
}

/** The definition of an index, as `pg_get_indexdef` prints it, under another name and on another table. */
export async function editIndex(definition: string, edit: IndexEdit): Promise<string> {
  return edited(definition, 'IndexStmt', (index: IndexStmt) => {
    index.idxname = edit.name
    index.relation.schemaname = edit.table.schema
    index.relation.relname = edit.table.name
    index.concurrent = edit.concurrently === true
    index.if_not_exists = edit.ifMissing === true
    if (edit.also !== undefined) {
      index.indexParams.push({
        IndexElem: { name: edit.also, ordering: 'SORTBY_DEFAULT', nulls_ordering: 'SORTBY_NULLS_DEFAULT' },
      })
    }
  })
}

/** `PRIMARY KEY (id)` -> `ALTER TABLE ... ADD CONSTRAINT ... PRIMARY KEY (id, "key")`. */
export async function addUniqueWith(
  add: { table: string; name: string; definition: string },
  key: string,
): Promise<string> {
  return edited(
    `ALTER TABLE ${add.table} ADD CONSTRAINT ${add.name} ${add.definition}`,
    'AlterTableStmt',
    ({ cmds }: { cmds: { AlterTableCmd: { def: { Constraint: { keys: Node[] } } } }[] }) => {
      cmds[0]?.AlterTableCmd.def.Constraint.keys.push({ String: { sval: key } })
    },
  )
}

interface CreateTrigStmt {
  replace?: boolean
  relation: { schemaname?: string; relname: string }
  whenClause?: Node
}

export interface TriggerEdit {
  /** CREATE OR REPLACE, which takes a weaker lock than DROP and CREATE. */
  replaces?: boolean
  /** Another table than its own, by a name alone. */
  table?: string
  /** A further condition. */
  when?: string
}

/** The definition of a trigger, as `pg_get_triggerdef` prints it, with changes. */
export async function editTrigger(definition: string, edit: TriggerEdit): Promise<string> {
  const when = edit.when === undefined ? undefined : await parseExpression(edit.when)
  return edited(definition, 'CreateTrigStmt', (trigger: CreateTrigStmt) => {
    if (edit.replaces) trigger.replace = true
    if (edit.table !== undefined) {
      const { schemaname, ...relation } = trigger.relation
      void schemaname
      trigger.relation = { ...relation, relname: edit.table }
    }
    if (!when) return
    const own = trigger.whenClause
    trigger.whenClause = own ? { BoolExpr: { boolop: 'AND_EXPR', args: [own, when] } } : when
  })
}

/** One name as PostgreSQL prints it. */
const printedName = `(?:"(?:[^"]|"")+"|[^\\s".(]+)`

/** The same in the text itself, for an index that keeps its columns: nothing else can change. */
export function moveIndex(
  definition: string,
  { name, table }: { name: string; table: RelationName },
): string {
  const head = new RegExp(`^(CREATE (?:UNIQUE )?INDEX) ${printedName} ON ${printedName}\\.${printedName} `)
  if (!head.test(definition)) throw new Error(`no index: ${definition}`)
  return definition.replace(head, (_, create: string) => `${create} ${quote(name)} ON ${qualified(table)} `)
}

/**
 * A query, as `pg_get_viewdef` prints it, that reads another relation in the place of a table. What it does not read
 * from there stays as it is printed.
 */
export async function readElsewhere(
  query: string,
  { from, to }: { from: RelationName; to: RelationName },
): Promise<string> {
  const [statement] = await splitStatements(query)
  const places = [...fieldsOf(statement?.node, 'RangeVar')]
    .filter(({ schemaname, relname }) => schemaname === from.schema && relname === from.name)
    .map(({ location, alias }) => ({ at: Number(location ?? 0), hasAlias: alias !== undefined }))
    .sort((one, other) => other.at - one.at)
  const name = new RegExp(`^${printedName}\\.${printedName}`)
  // The parser counts bytes.
  let text = Buffer.from(query)
  for (const { at, hasAlias } of places) {
    const tail = text.toString('utf8', at)
    if (!name.test(tail)) throw new Error(`no table there: ${tail}`)
    const changed = tail.replace(name, () => qualified(to) + (hasAlias ? '' : ` ${quote(from.name)}`))
    text = Buffer.concat([text.subarray(0, at), Buffer.from(changed)])
  }
  return text.toString()
}

async function edited<T>(sql: string, kind: string, edit: (node: T) => void): Promise<string> {
  const [statement] = await splitStatements(withoutArrayCasts(sql))
  const node = structuredClone(statement?.node)
  if (!node?.[kind]) throw new Error(`no ${kind}: ${sql}`)
  edit(node[kind] as T)
  return deparseStatement(node)
}

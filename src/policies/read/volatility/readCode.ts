import type { ChangeBeyond } from '../../../catalog/changesBeyond.ts'
import { listChangesBeyond } from '../../../catalog/changesBeyond.ts'
import { findFunctionsByOid, findFunctionsNamed } from '../../../catalog/functions.ts'
import type { CatalogFunction } from '../../../catalog/functions.ts'
import type { OperatorCall } from '../../../catalog/implicitCalls.ts'
import { listImplicitCalls, listOperatorCalls } from '../../../catalog/implicitCalls.ts'
import { listInlineReads } from '../../../catalog/inlineReads.ts'
import type { RowCode } from '../../../catalog/rowCode.ts'
import { listRowCode } from '../../../catalog/rowCode.ts'
import { groupBy } from '../../../groupBy.ts'
import type { Database } from '../../../postgres/database.ts'
import { parseExpression } from '../../../syntax/expression.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { splitStatements } from '../../../syntax/statements.ts'
import type { Reach, RelationSource } from '../reach.ts'
import { extendReach } from '../reach.ts'
import type { CatalogTable } from '../tableCatalog.ts'
import type { Code, RowAction } from './code.ts'
import { nothingWanted } from './code.ts'

/** What is known before: everything that policies say and reach. */
export interface KnownPolicies {
  reach: Reach
  tables: ReadonlyMap<number, CatalogTable>
  /** The predicates of every policy of a table, of any command, by the table's oid; undefined for an unreadable one. */
  policies: ReadonlyMap<number, (Node | undefined)[]>
}

/** Begins with what policies reach; `completeCode` reads the rest. */
export async function readCode(db: Database, { reach, tables, policies }: KnownPolicies): Promise<Code> {
  return {
    reach: copyOf(reach),
    tables,
    tablesByName: groupBy(tables.values(), ({ name }): string => name),
    functions: new Map([...reach.byName.values()].flat().map((each) => [each.oid, each])),
    policies,
    rowCode: groupBy(await listRowCode(db), ({ relationOid }): number => relationOid),
    rowActions: new Map(),
    beyond: groupBy(await listChangesBeyond(db), ({ from }: ChangeBeyond): number => from),
    implicit: await listImplicitCalls(db),
    operators: groupBy(await listOperatorCalls(db), ({ name }: OperatorCall): string => name),
    inlineReads: groupBy(await listInlineReads(db), ({ readerOid }): number => readerOid),
    wanted: nothingWanted(),
    absent: new Set(),
  }
}

/**
 * Reads the code that `judge` asks for: it is called again and again, until nothing that it wants is missing. What it
 * answered before then does not count.
 */
export async function completeCode(
  db: Database,
  code: Code,
  source: RelationSource,
  judge: () => void,
): Promise<void> {
  do {
    code.wanted = nothingWanted()
    judge()
  } while (await readWanted(db, code, source))
}

/** @returns whether anything was wanted */
async function readWanted(db: Database, code: Code, source: RelationSource): Promise<boolean> {
  const { functionNames, functionOids, views, rowActions } = code.wanted
  if (functionNames.size + functionOids.size + views.size + rowActions.size === 0) return false
  const byOid = await findFunctionsByOid(db, [...functionOids])
  const names = [...functionNames].filter((name) => !code.reach.byName.has(name))
  const byName = await findFunctionsNamed(db, names)
  for (const name of names) code.reach.byName.set(name, [])
  for (const each of byName) code.reach.byName.get(each.name)?.push(each)
  const trees: Node[] = []
  for (const oid of rowActions) {
    const actions: RowAction[] = []
    for (const each of code.rowCode.get(oid) ?? []) actions.push(await toAction(each))
    code.rowActions.set(oid, actions)
    trees.push(...actions.flatMap((each) => each.trees ?? []))
  }
  const asRelations = [...views].flatMap((oid): Node[] => {
    const view = code.tables.get(oid)
    return view ? [{ RangeVar: { relname: view.name, schemaname: view.schema } }] : []
  })
  await extendReach(
    db,
    code.reach,
    { trees: [...trees, ...asRelations], called: [...byOid, ...byName] },
    source,
  )
  for (const each of [...code.reach.byName.values()].flat()) code.functions.set(each.oid, each)
  for (const each of byOid) code.functions.set(each.oid, each)
  for (const oid of functionOids) if (!code.functions.has(oid)) code.absent.add(oid)
  for (const oid of views) if (!code.reach.views.has(oid)) code.absent.add(oid)
  return true
}

async function toAction({ what, functionOid, statement, expression }: RowCode): Promise<RowAction> {
  try {
    if (expression !== null) return { what, functionOid, trees: [await parseExpression(expression)] }
    if (statement === null) return { what, functionOid, trees: [] }
    const [parsed] = await splitStatements(statement)
    return { what, functionOid, trees: parsed ? partsOf(parsed.node) : undefined }
  } catch {
    return { what, functionOid, trees: undefined }
  }
}

/** The actions and the condition of CREATE RULE, the condition of CREATE TRIGGER. */
function partsOf(statement: Node): Node[] | undefined {
  const rule = statement['RuleStmt'] as { actions?: Node[]; whereClause?: Node } | undefined
  if (rule) return [...(rule.actions ?? []), ...(rule.whereClause ? [rule.whereClause] : [])]
  const trigger = statement['CreateTrigStmt'] as { whenClause?: Node } | undefined
  return trigger?.whenClause ? [trigger.whenClause] : undefined
}

/** A copy that can be extended: others go by what policies reach, without the triggers. */
function copyOf(reach: Reach): Reach {
  return {
    ...reach,
    bodies: new Map(reach.bodies),
    unreadable: new Map(reach.unreadable),
    byName: new Map(Array.from(reach.byName, ([name, of]): [string, CatalogFunction[]] => [name, [...of]])),
    relations: new Map(reach.relations),
    views: new Map(reach.views),
    policies: new Map(reach.policies),
  }
}

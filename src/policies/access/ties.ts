import { listForeignKeyDetails } from '../../catalog/foreignKeyDetails.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { Relation } from '../../catalog/relations.ts'
import { groupBy } from '../../groupBy.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import { listCalledFunctions } from '../proof/bodies.ts'
import type { Carrier } from '../proof/comparisons.ts'
import { carrierKey, comparisonsIn, relationsByAlias } from '../proof/comparisons.ts'
import { parsePredicates } from '../proof/sameStructure.ts'

/** A column that says which person a row belongs to. */
export interface Tie {
  table: RelationName
  column: string
}

/** Two tables that have the same thing, such as a team, and the second says which people have it. */
export interface Membership {
  /** Of the table whose rows are asked about. */
  column: string
  members: RelationName
  /** Of the members' table: the same thing, and the person. */
  memberColumn: string
  personColumn: string
}

/** What the policies and foreign keys of a database say of people. */
export interface Ties {
  /** How a request says who is asking: a claim of its token, or a setting. */
  carrier: Carrier | undefined
  /** By the table, as `display` names it. */
  people: ReadonlyMap<string, string[]>
  memberships: ReadonlyMap<string, Membership[]>
}

/**
 * Finds the columns that policies compare with who is asking, and from there the teams: a column of a table and one of a table with
 * people that refer to the same key.
 */
export async function readTies(db: Database, policies: Policy[], tables: Relation[]): Promise<Ties> {
  const found: (Tie & { carrier: Carrier })[] = []
  for (const [oid, own] of groupBy(policies, ({ tableOid }) => tableOid)) {
    const table = tables.find((each) => each.oid === oid)
    if (table) found.push(...(await tiesOf(db, table, own)))
  }
  const byCarrier = [...groupBy(found, ({ carrier }) => carrierKey(carrier)).values()]
  const [most] = byCarrier.toSorted((one, other) => other.length - one.length)
  const people = new Map<string, Set<string>>()
  const add = (table: RelationName, column: string): boolean => {
    const columns = people.get(display(table)) ?? new Set()
    const isNew = !columns.has(column)
    people.set(display(table), columns.add(column))
    return isNew
  }
  for (const { table, column } of most ?? []) add(table, column)
  const keys = (await listForeignKeyDetails(db)).flatMap(({ table, references, columns }): Key[] => {
    const [only, ...more] = columns
    if (!only || more.length > 0) return []
    return [{ table, column: only.name, to: references, toColumn: only.references }]
  })
  // A key to a column with people is a column with people.
  for (let isMore = true; isMore;) {
    isMore = keys.some(
      ({ table, column, to, toColumn }) =>
        people.get(display(to))?.has(toColumn) === true && add(table, column),
    )
  }
  const columnsOf = new Map([...people].map(([table, columns]) => [table, [...columns]]))
  return { carrier: most?.[0]?.carrier, people: columnsOf, memberships: membershipsIn(keys, columnsOf) }
}

async function tiesOf(
  db: Database,
  table: Relation,
  policies: Policy[],
): Promise<(Tie & { carrier: Carrier })[]> {
  const trees = [...(await parsePredicates(policies)).values()]
  const { columns } = comparisonsIn(trees, await listCalledFunctions(db, trees))
  return columns.flatMap(({ carriers, column, select }) => {
    const name = column.at(-1)
    const aliases = select && relationsByAlias(select['fromClause'])
    const relation = !aliases
      ? table
      : column.length > 1
        ? aliases.get(column.at(-2) ?? '')
        : aliases.size === 1
          ? [...aliases.values()][0]
          : undefined
    const [carrier] = carriers
    return name !== undefined && relation && carrier
      ? [{ table: { schema: relation.schema, name: relation.name }, column: name, carrier }]
      : []
  })
}

/** A foreign key of one column. */
interface Key {
  table: RelationName
  column: string
  to: RelationName
  toColumn: string
}

function membershipsIn(
  keys: readonly Key[],
  people: ReadonlyMap<string, string[]>,
): Map<string, Membership[]> {
  const found = new Map<string, Membership[]>()
  const isPerson = (table: RelationName, column: string): boolean =>
    people.get(display(table))?.includes(column) ?? false
  for (const member of keys) {
    const [personColumn] = people.get(display(member.table)) ?? []
    if (personColumn === undefined || isPerson(member.table, member.column)) continue
    const add = (table: RelationName, column: string): void => {
      if (isPerson(table, column)) return
      const membership = { column, members: member.table, memberColumn: member.column, personColumn }
      found.set(display(table), [...(found.get(display(table)) ?? []), membership])
    }
    add(member.to, member.toColumn)
    for (const { table, column, to, toColumn } of keys) {
      if (display(to) === display(member.to) && toColumn === member.toColumn) add(table, column)
    }
  }
  return found
}

import { dollarQuote } from '../postgres/dollarQuote.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { literal, revokeAll } from './remake.ts'
import type { RemadeView, Subject } from './subject.ts'

/** By it we know what is ours. */
export const mark = 'made by hundredfold for the materialized view beside it'

/** On the way back: the plain views follow the table. They are there if the views have been made again. */
export function pointDetours(subject: Subject): string[] {
  return subject.materializedViews.flatMap((remade) => {
    const detour = detourOf(remade)
    if (!detour) return []
    const replace = `CREATE OR REPLACE VIEW ${qualified(detour)} AS ${everyColumn(subject)}`
    return [
      `DO ${dollarQuote(`
BEGIN
  IF ${isOurs(detour)} THEN
    EXECUTE ${literal(replace)};
  END IF;
END
`)}`,
    ]
  })
}

/** Makes the plain view, unless it is there. */
export function makeDetour(subject: Subject, owner: string, detour: RelationName): string {
  const statements = [
    `CREATE VIEW ${qualified(detour)} AS ${everyColumn(subject)}`,
    `COMMENT ON VIEW ${qualified(detour)} IS ${literal(mark)}`,
    `ALTER VIEW ${qualified(detour)} OWNER TO ${quote(owner)}`,
    revokeAll(`${literal(qualified(detour))}::pg_catalog.regclass`),
  ]
  return `IF pg_catalog.to_regclass(${literal(qualified(detour))}) IS NULL THEN
${statements.map((each) => `  ${execute(each)}\n`).join('')}END IF;
`
}

function everyColumn({ table }: Subject): string {
  return `SELECT ${table.columns.map(({ name }) => quote(name)).join(', ')} FROM ${qualified(table)}`
}

/** SQL: there is such a relation, and we have made it. */
export function isOurs(relation: RelationName): string {
  const oid = `pg_catalog.to_regclass(${literal(qualified(relation))})`
  return `pg_catalog.obj_description(${oid}, 'pg_class') IS NOT DISTINCT FROM ${literal(mark)}`
}

/** The plain view that stands for the table, where the materialized view reads that. */
export function detourOf({ view, detour }: RemadeView): RelationName | undefined {
  return detour === undefined ? undefined : { schema: view.schema, name: detour }
}

/** PL/pgSQL would take names in a plain statement for its own variables. */
export function execute(statement: string): string {
  return `EXECUTE ${literal(statement)};`
}

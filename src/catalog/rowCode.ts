import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Code that a change of a table's or view's rows may run, besides its policies. */
export interface RowCode {
  relationOid: number
  /** A phrase: `the trigger audit`, `the rule keep`, `the default of note`, `the constraint total_check`. */
  what: string
  /** The function that a trigger calls; null for everything else. */
  functionOid: number | null
  /** A whole statement: CREATE RULE, or CREATE TRIGGER with a condition; null where the trigger has none. */
  statement: string | null
  /** An expression: of a default, a generated column or a check. */
  expression: string | null
}

/**
 * The triggers, rules, defaults, generated columns and checks of every relation, disabled ones included. Read it with an
 * empty `search_path`, so that names are qualified. Triggers that PostgreSQL made for foreign keys are left out.
 */
export async function listRowCode(db: Database): Promise<RowCode[]> {
  const { rows } = await sql<RowCode>`
    SELECT trigger.tgrelid AS "relationOid", 'the trigger ' || pg_catalog.quote_ident(trigger.tgname) AS what,
      trigger.tgfoid AS "functionOid",
      CASE WHEN trigger.tgqual IS NOT NULL THEN pg_catalog.pg_get_triggerdef(trigger.oid) END AS statement,
      NULL AS expression
    FROM pg_catalog.pg_trigger trigger WHERE NOT trigger.tgisinternal
    UNION ALL
    SELECT rule.ev_class, 'the rule ' || pg_catalog.quote_ident(rule.rulename), NULL,
      pg_catalog.pg_get_ruledef(rule.oid), NULL
    FROM pg_catalog.pg_rewrite rule WHERE rule.ev_type <> '1' AND rule.ev_class >= 16384
    UNION ALL
    SELECT given.adrelid, 'the default of ' || pg_catalog.quote_ident(attribute.attname), NULL, NULL,
      pg_catalog.pg_get_expr(given.adbin, given.adrelid)
    FROM pg_catalog.pg_attrdef given
    JOIN pg_catalog.pg_attribute attribute
      ON attribute.attrelid = given.adrelid AND attribute.attnum = given.adnum
    UNION ALL
    SELECT con.conrelid, 'the constraint ' || pg_catalog.quote_ident(con.conname), NULL, NULL,
      pg_catalog.pg_get_expr(con.conbin, con.conrelid)
    FROM pg_catalog.pg_constraint con WHERE con.contype = 'c' AND con.conrelid >= 16384
    ORDER BY 1, 2`.execute(db)
  return rows
}

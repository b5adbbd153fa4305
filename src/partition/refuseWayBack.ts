import { dollarQuote } from '../postgres/dollarQuote.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import { literal } from './remake.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/**
 * SQL that refuses the way back, by name, where it would end halfway or lose something: the history is gone, or somebody
 * has put something on one of the partitions. Every step of the way back that goes before the partitions asks first.
 *
 * @param history the partition that has been the table; none where the rows were copied
 */
export function refuseWayBack(table: RelationName, history?: RelationName): string {
  const parent = `${literal(qualified(table))}::pg_catalog.regclass`
  const old = history ? `pg_catalog.to_regclass(${literal(qualified(history))})` : 'NULL::pg_catalog.regclass'
  return `DO ${dollarQuote(`
DECLARE
  found text;
BEGIN
${history ? refuseWithoutHistory({ table, history, parent, old }) : ''}  SELECT pg_catalog.string_agg(other.what, '; ' ORDER BY other.what) INTO found FROM (
    SELECT class.oid::pg_catalog.regclass || ' is no plain table' AS what
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = ${parent} AND class.relkind <> 'r'
    UNION ALL
    SELECT class.oid::pg_catalog.regclass || ' belongs to ' || pg_catalog.pg_get_userbyid(class.relowner)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = ${parent} AND NOT pg_catalog.pg_has_role(class.relowner, 'USAGE')
    UNION ALL
    SELECT pg_catalog.format('foreign key %I of %s points to %s', conname, conrelid::pg_catalog.regclass, confrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_constraint ON confrelid = inhrelid AND contype = 'f' AND conparentid = 0
    WHERE inhparent = ${parent}
    UNION ALL
    SELECT pg_catalog.format('trigger %I is on %s alone', tgname, tgrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_trigger ON tgrelid = inhrelid AND NOT tgisinternal AND tgparentid = 0
    WHERE inhparent = ${parent} AND inhrelid IS DISTINCT FROM ${old}
    UNION ALL
    SELECT pg_catalog.format('%s reads %s alone', pg_catalog.pg_describe_object(depend.classid, depend.objid, 0),
      class.oid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    JOIN pg_catalog.pg_depend depend ON depend.deptype = 'n'
      AND depend.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
        'pg_catalog.pg_policy'::pg_catalog.regclass)
      AND (depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = class.oid
        OR depend.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND depend.refobjid = class.reltype)
    WHERE inhparent = ${parent} AND inhrelid IS DISTINCT FROM ${old}
  ) other;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = ${literal(`${display(table)} cannot become a table again, since somebody has changed its partitions: `)} || found
      || '. Take that back first; nothing was changed';
  END IF;
END
`)}`
}

function refuseWithoutHistory(names: {
  table: RelationName
  history: RelationName
  parent: string
  old: string
}): string {
  const { table, history, parent, old } = names
  return `  IF NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = ${parent} AND inhrelid = ${old}) THEN
    RAISE EXCEPTION USING MESSAGE = ${literal(
      `${display(history)} is no longer a partition of ${display(table)}, so this cannot become a table again: ` +
        'attach it with its former bounds; if it was dropped, there is no way back',
    )};
  END IF;
`
}

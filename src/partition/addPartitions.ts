import { functionExists, functionIsAbsent } from '../conditions/functions.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import type { Every, KeyType } from './intervals.ts'
import { storageOf } from './leaves.ts'
import { literal, setColumns, setReplicaIdentity } from './remake.ts'
import type { Subject } from './subject.ts'
import { helperSchema } from './subject.ts'

/**
 * A function that makes the partitions that are missing, so many intervals ahead of now. It may run daily; what is there
 * already it leaves alone.
 *
 * ```sql
 * SELECT * FROM private.add_partitions_of_bookings(4);
 * ```
 */
export function addPartitions(subject: Subject): Operation {
  const { table, key, every, functions } = subject
  const identity = { schema: helperSchema, name: functions.addPartitions, args: 'ahead integer' }
  const signature = `${quote(helperSchema)}.${quote(functions.addPartitions)}(integer)`
  return {
    ...work('partitionTable', 'add', table.schema, table.name, key, every),
    on: [table.schema, table.name],
    title: operationTitle('keep', 'partitions', 'of', table.name, 'ahead'),
    rule: 'partition_candidate',
    why:
      `Rows of ${display(table)} that fit no partition go to the default one, which slows down everything that comes ` +
      `after it. This function makes the partitions of the next ${every}s; call it at least once a ${every}.`,
    up: [bodyOf(subject), `REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`],
    down: [`DROP FUNCTION ${signature}`],
    before: [condition(functionIsAbsent, identity)],
    after: [condition(functionExists, identity)],
  }
}

const steps: Record<Every, string> = { day: '1 day', week: '7 days', month: '1 month', year: '1 year' }
const formats: Record<Every, string> = {
  day: 'YYYY_MM_DD',
  week: 'YYYY_MM_DD',
  month: 'YYYY_MM',
  year: 'YYYY',
}

/** How a bound is written, with `%s` for the day. */
function boundOf(type: KeyType): string {
  if (type === 'date') return 'YYYY-MM-DD'
  return type.includes('without') ? 'YYYY-MM-DD 00:00:00' : 'YYYY-MM-DD 00:00:00+00'
}

function bodyOf(subject: Subject): string {
  const { table, every, functions, keyType } = subject
  const parent = qualified(table)
  const leaf = { schema: '%s', name: '%s' }
  const placeholder = qualified(leaf)
  const settle = [...setColumns(leaf, table), ...setReplicaIdentity(leaf, table)]
  const format = (statement: string) =>
    literal(statement.replaceAll('%', '%%').replaceAll(placeholder.replaceAll('%', '%%'), '%1$s'))
  const bound = literal(boundOf(keyType))
  return `CREATE FUNCTION ${quote(helperSchema)}.${quote(functions.addPartitions)}(ahead integer DEFAULT 4)
RETURNS SETOF text LANGUAGE plpgsql SET search_path = '' SET timezone = 'UTC' AS $add$
DECLARE
  -- The end of the last partition: the next one begins there.
  low timestamp;
  high timestamp;
  leaf text;
  grantee text;
BEGIN
  LOOP
    SELECT pg_catalog.max((pg_catalog.regexp_match(
      pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'TO \\(''([^'']+)''\\)$'))[1]::timestamptz) INTO low
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = ${literal(parent)}::pg_catalog.regclass;
    EXIT WHEN low IS NULL OR low > pg_catalog.now() + ahead * interval '${steps[every]}';
    high := low + interval '${steps[every]}';
    leaf := pg_catalog.format('%I.%I', ${literal(table.schema)}, ${literal(leafBase(table.name))} || pg_catalog.to_char(low, '_${formats[every]}'));
    EXECUTE pg_catalog.format(
      ${literal(`CREATE TABLE %s PARTITION OF ${parent.replaceAll('%', '%%')} FOR VALUES FROM (%L) TO (%L)${storageOf(subject).replaceAll('%', '%%')}`)},
      leaf, pg_catalog.to_char(low, ${bound}), pg_catalog.to_char(high, ${bound}));
    EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO %I', leaf, ${literal(table.owner)});
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', leaf);
${settle.map((each) => `    EXECUTE pg_catalog.format(${format(each)}, leaf);\n`).join('')}    FOR grantee IN
      SELECT DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END
      FROM pg_catalog.pg_class class, pg_catalog.aclexplode(class.relacl) acl
      WHERE class.oid = leaf::pg_catalog.regclass AND acl.grantee <> class.relowner
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', leaf, grantee);
    END LOOP;
    RETURN NEXT leaf;
  END LOOP;
END
$add$`
}

/** The beginning of a partition's name; the longest end is eleven characters. */
function leafBase(name: string): string {
  let base = name
  while (Buffer.byteLength(base) > 63 - '_2026_12_05'.length) base = Array.from(base).slice(0, -1).join('')
  return base
}

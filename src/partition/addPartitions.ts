import { functionExists, functionIsAbsent } from '../conditions/functions.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import type { Every, KeyType } from './intervals.ts'
import { leafBase, storageOf } from './leaves.ts'
import { dropOwnKeys, otherKeys, ownKeysOfLeaves } from './ownKeys.ts'
import { lookMs, politely } from './lockPolitely.ts'
import { refuseWayBack } from './refuseWayBack.ts'
import { literal, setColumns, setReplicaIdentity } from './remake.ts'
import type { RangeSubject, Subject } from './subject.ts'
import { helperSchema } from './subject.ts'
import { keysToPartitions } from './swap.ts'
import { validateLeft } from './validateLeft.ts'

/**
 * A function that makes the partitions that are missing, so many intervals ahead of now. It may run daily; what is there
 * already it leaves alone.
 *
 * ```sql
 * SELECT * FROM private.add_partitions_of_bookings(4);
 * ```
 *
 * @param history the partition that has been the table, without which there is no way back
 */
export function addPartitions(subject: RangeSubject, history?: RelationName): Operation {
  const { table, key, every, functions } = subject
  const identity = {
    schema: helperSchema,
    name: functions.addPartitions,
    args: 'ahead integer, most_rows integer',
  }
  const signature = `${quote(helperSchema)}.${quote(functions.addPartitions)}(integer, integer)`
  return {
    ...work('partitionTable', 'add', table.schema, table.name, key, every),
    on: [table.schema, table.name],
    title: operationTitle('keep', 'partitions', 'of', table.name, 'ahead'),
    rule: 'partition_candidate',
    why:
      `Rows of ${display(table)} that fit no partition go to the default one, which slows down everything that comes ` +
      `after it. This function makes the partitions of the next ${every}s, and moves rows that have come too early into ` +
      `theirs; call it at least once a ${every}.`,
    up: [bodyOf(subject), `REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`],
    down: [refuseWayBack(table, history), `DROP FUNCTION ${signature}`],
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

/** SQL: the ranges of the partitions. An end that is open is infinite. */
function ranges(parent: string): string {
  const bound = (word: string) =>
    `(pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), '${word} \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp`
  return `
    SELECT coalesce(${bound('FROM')}, '-infinity') AS begins,
      coalesce(${bound('TO')}, 'infinity') AS until
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = ${literal(parent)}::pg_catalog.regclass AND pg_catalog.pg_get_expr(class.relpartbound, class.oid) <> 'DEFAULT'`
}

function bodyOf(subject: RangeSubject): string {
  const { table, every, functions, keyType } = subject
  const parent = qualified(table)
  const leaf = { schema: '%s', name: '%s' }
  const settle = [...setColumns(leaf, table), ...setReplicaIdentity(leaf, table)]
  const ofLeaf = (statement: string) =>
    literal(statement.replaceAll('%', '%%').replaceAll(qualified(leaf).replaceAll('%', '%%'), '%1$s'))
  const bound = literal(boundOf(keyType))
  // An identity belongs to the whole table, and each partition has no statistics objects of its own.
  const like = `(LIKE ${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING INDEXES INCLUDING STORAGE INCLUDING COMPRESSION)`
  return `CREATE FUNCTION ${quote(helperSchema)}.${quote(functions.addPartitions)}(ahead integer DEFAULT 4, most_rows integer DEFAULT 10000)
RETURNS SETOF text LANGUAGE plpgsql SET search_path = '' SET timezone = 'UTC' AS $add$
DECLARE
  parent pg_catalog.regclass := ${literal(parent)};
  -- Others may have given it another name.
  rest pg_catalog.regclass := (SELECT partdefid FROM pg_catalog.pg_partitioned_table WHERE partrelid = parent AND partdefid <> 0);
  -- Where the next partition begins and ends.
  low timestamp;
  high timestamp;
  leaf text;
  grantee text;
  leaves text[] := '{}';
  lows text[] := '{}';
  highs text[] := '{}';
  at integer;
  stray bigint := 0;
  has_rows boolean := false;
BEGIN
  -- One call at a time; the other one then finds everything made.
  PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('hundredfold partitions'), pg_catalog.hashtext(${literal(parent)}));
${validateLeft(subject)}  -- Where the partition of today ends, or the last one before today. Others may have made partitions after it.
  SELECT coalesce(pg_catalog.max(until) FILTER (WHERE begins <= pg_catalog.now()), pg_catalog.min(begins)) INTO low
  FROM (${ranges(parent)}) range;
  -- Each is made by itself, which locks nothing that anybody uses.
  WHILE low <= pg_catalog.now() + ahead * interval '${steps[every]}' LOOP
    SELECT until INTO high FROM (${ranges(parent)}) range WHERE begins <= low AND until > low;
    IF FOUND THEN
      low := high;
      CONTINUE;
    END IF;
    SELECT least(low + interval '${steps[every]}', pg_catalog.min(begins)) INTO high FROM (${ranges(parent)}) range WHERE begins > low;
    leaf := pg_catalog.format('%I.%I', ${literal(table.schema)}, ${literal(leafBase(table))} || pg_catalog.to_char(low, '_${formats[every]}'));
    IF pg_catalog.to_regclass(leaf) IS NOT NULL THEN
      RAISE duplicate_table USING
        MESSAGE = pg_catalog.format('%s is there, but is no partition of %s for rows from %s to %s', leaf, parent, low, high),
        HINT = 'Attach it for this range, or give it another name; then call this again.';
    END IF;
    EXECUTE pg_catalog.format(${literal(`CREATE TABLE %s ${`${like}${storageOf(subject)}`.replaceAll('%', '%%')}`)}, leaf);
    EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO %I', leaf, ${literal(table.owner)});
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', leaf);
${settle.map((each) => `    EXECUTE pg_catalog.format(${ofLeaf(each)}, leaf);\n`).join('')}    FOR grantee IN
      SELECT DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END
      FROM pg_catalog.pg_class class, pg_catalog.aclexplode(class.relacl) acl
      WHERE class.oid = leaf::pg_catalog.regclass AND acl.grantee <> class.relowner
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', leaf, grantee);
    END LOOP;
    leaves := leaves || leaf;
    lows := lows || pg_catalog.to_char(low, ${bound});
    highs := highs || pg_catalog.to_char(high, ${bound});
    low := high;
  END LOOP;
  IF leaves <> '{}' THEN
${indent(attachAll(subject), 4)};
  END IF;
  IF rest IS NOT NULL THEN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM ONLY %s', rest) INTO stray;
    IF stray > 0 THEN
      RAISE NOTICE '% rows of % lie beyond its partitions, in %', stray, parent, rest;
    END IF;
  END IF;
  RETURN QUERY SELECT pg_catalog.unnest(leaves);
END
$add$`
}

/**
 * Attaches all new tables at once. ATTACH needs the default partition for itself and reads it. Writers of the table are
 * kept out meanwhile: PostgreSQL refuses a row that it was sending to the default partition when its own one came. Where
 * the default partition is empty and a long transaction writes elsewhere, it goes through without that.
 *
 * Rows that belong to a new partition move in the same transaction. The default partition is detached for it: so no
 * trigger fires, nothing is published, and the foreign keys, which are taken off as well, do nothing to the children.
 */
function attachAll(subject: Subject): string {
  const { table, key, children, keyType } = subject
  const parent = qualified(table)
  const on = parent.replaceAll('%', '%%')
  const columns = table.columns.filter(({ generated }) => generated === '').map(({ name }) => quote(name))
  const list = columns.join(', ').replaceAll('%', '%%')
  const column = quote(key).replaceAll('%', '%%')
  const inRange = (low: string, high: string) =>
    `${column} >= ${low}::${keyType} AND ${column} < ${high}::${keyType}`
  const held = [parent, ...new Set(children.map(({ key: foreign }) => qualified(foreign.table)))]
  const dropped = [
    ...otherKeys(subject).map(
      ({ key: foreign }) => `ALTER TABLE ${qualified(foreign.table)} DROP CONSTRAINT ${quote(foreign.name)}`,
    ),
    ...dropOwnKeys(subject),
  ].map((each) => `${each};`)
  const attach = `FOR at IN 1 .. pg_catalog.cardinality(leaves) LOOP
  EXECUTE pg_catalog.format(${literal(`ALTER TABLE ${on} ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)`)}, leaves[at], lows[at], highs[at]);
END LOOP;`
  const move = `FOR at IN 1 .. pg_catalog.cardinality(leaves) LOOP
  EXECUTE pg_catalog.format(${literal(
    `WITH moved AS (DELETE FROM ONLY %s WHERE ${inRange('%L', '%L')} RETURNING *)
     INSERT INTO %s (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM moved`,
  )}, rest, lows[at], highs[at], leaves[at]);
END LOOP;`
  const body = `IF rest IS NOT NULL THEN
  EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY %s LIMIT %s) row', rest, most_rows + 1) INTO stray;
  IF stray > most_rows THEN
    RAISE EXCEPTION '% has more than % rows, which would be read, and moved if they belong elsewhere, while others wait', rest, most_rows
      USING ERRCODE = 'program_limit_exceeded',
        HINT = 'Call it in a quiet hour with a greater most_rows, or move rows with impossible dates first.';
  END IF;
  EXECUTE pg_catalog.format(${literal(`SELECT EXISTS (SELECT FROM ONLY %s WHERE ${inRange('%L', '%L')})`)},
    rest, lows[1], highs[pg_catalog.cardinality(highs)]) INTO has_rows;
END IF;
IF has_rows THEN
  LOCK TABLE ${held.join(', ')} IN ACCESS EXCLUSIVE MODE;
  PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
${indent(dropped.join('\n'), 2)}
  EXECUTE pg_catalog.format(${literal(`ALTER TABLE ${on} DETACH PARTITION %s`)}, rest);
${indent(move, 2)}
${indent(attach, 2)}
  EXECUTE pg_catalog.format(${literal(`ALTER TABLE ${on} ATTACH PARTITION %s DEFAULT`)}, rest);
${indent([...keysToPartitions(subject), ...ownKeysOfLeaves(subject)].map((each) => `${each};`).join('\n'), 2)}
ELSE
  IF stray > 0 OR pg_catalog.clock_timestamp() < began + interval '${lookMs} ms' THEN
    LOCK TABLE ${parent} IN SHARE ROW EXCLUSIVE MODE;
    PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
  END IF;
  BEGIN
${indent(attach, 4)}
  EXCEPTION WHEN check_violation THEN
    -- A row came after the look: the next attempt moves it.
    RAISE lock_not_available;
  END;
END IF;`
  return politely(body)
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(by))
}

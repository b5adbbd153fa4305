import { dollarQuote } from '../postgres/dollarQuote.ts'
import { columnsExist } from '../conditions/tables.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { literal } from './remake.ts'
import type { ChildKey, Subject } from './subject.ts'
import { fillTrigger, helperSchema, refuseTrigger } from './subject.ts'
import { createTriggers, quietSetting, unlessQuiet } from './triggers.ts'

const rule = 'partition_candidate'

/**
 * Gives a table with a foreign key a copy of the key of the row that it points to: the foreign key to a partitioned table
 * has to contain it.
 *
 * ```sql
 * ALTER TABLE reviews ADD COLUMN bookings_booking_date date;
 * CREATE TRIGGER zz_fill_bookings_booking_date BEFORE INSERT OR UPDATE OF booking_id ON reviews ...;
 * UPDATE reviews SET bookings_booking_date = bookings.booking_date FROM bookings ... -- in batches
 * ALTER TABLE reviews ADD CHECK ((booking_id IS NULL) = (bookings_booking_date IS NULL));
 * ```
 */
export async function carryKey(subject: Subject, carried: ChildKey): Promise<Operation> {
  const { table, key, keyType, absent } = subject
  const { child, column, trigger, refuse, fill, check, follow, followTrigger } = carried
  const on = qualified(child)
  const routine = `${quote(helperSchema)}.${quote(fill)}()`
  const noisy = child.triggers.filter(
    ({ events, enabled, isConstraint }) => events.includes('UPDATE') && enabled !== 'D' && !isConstraint,
  )
  const collation = table.columns.find(({ name }) => name === key)?.collation
  const type = collation ? `${keyType} COLLATE ${collation}` : keyType
  const backfill = fillStatement(subject, carried, noisy.length > 0)
  return {
    ...work('partitionTable', 'carryKey', table.schema, table.name, key, child.schema, child.name, column),
    on: [child.schema, child.name],
    title: operationTitle('carry', key, 'to', child.name),
    rule,
    why:
      `${display(table)} is to be partitioned by ${key}. A foreign key to a partitioned table has to contain the key, ` +
      `so ${display(child)} gets a copy of it, which a trigger fills for new rows and batches for those that are there.`,
    up: [
      `ALTER TABLE ${on} ADD COLUMN ${quote(column)} ${type}`,
      ...followKey(subject, carried),
      fillFunction(subject, carried),
      `REVOKE ALL ON FUNCTION ${routine} FROM PUBLIC`,
      fillTrigger(carried),
      refuseTrigger(carried, absent),
      ...(await createTriggers(child, noisy, { replaces: true, when: unlessQuiet(child) })),
      backfill.whole,
      ...(await createTriggers(child, noisy, { replaces: true })),
      `ALTER TABLE ${on} ADD CONSTRAINT ${quote(check)} CHECK ((${isNull(carried)}) = (${quote(column)} IS NULL)) NOT VALID`,
      `ALTER TABLE ${on} VALIDATE CONSTRAINT ${quote(check)}`,
    ],
    batches: { [backfill.whole]: backfill.batched },
    down: [
      // The swap has dropped it.
      `DROP TRIGGER IF EXISTS ${quote(followTrigger)} ON ${qualified(table)}`,
      `DROP FUNCTION ${quote(helperSchema)}.${quote(follow)}()`,
      `ALTER TABLE ${on} DROP CONSTRAINT ${quote(check)}`,
      `DROP TRIGGER ${quote(refuse)} ON ${on}`,
      `DROP TRIGGER ${quote(trigger)} ON ${on}`,
      `DROP FUNCTION ${routine}`,
      `ALTER TABLE ${on} DROP COLUMN ${quote(column)}`,
    ],
    before: [condition(columnsExist, { schema: table.schema, name: table.name }, [key])],
    after: [condition(columnsExist, { schema: child.schema, name: child.name }, [column])],
    noTransaction: 'The backfill commits each batch.',
  }
}

function isNull({ key }: ChildKey): string {
  return key.columns.map((column) => `${quote(column)} IS NULL`).join(' OR ')
}

/**
 * It takes the lock that the foreign key takes, and raises the error that the foreign key raises; but not before the row is
 * in the table. Policies are asked after BEFORE triggers: whoever may not insert would learn which parents there are.
 */
function fillFunction(
  { table, key, absent }: Subject,
  { key: foreign, child, column, fill }: ChildKey,
): string {
  const matches = foreign.columns.map(
    (own, at) => `parent.${quote(foreign.referenced[at] ?? '')} = NEW.${quote(own)}`,
  )
  const unset = foreign.columns.map((own) => `NEW.${quote(own)} IS NULL`).join(' OR ')
  const isOwn = child.schema === table.schema && child.name === table.name
  const same = foreign.columns.map(
    (own, at) => `NEW.${quote(own)} = NEW.${quote(foreign.referenced[at] ?? '')}`,
  )
  const pointsToItself = isOwn
    ? `  IF ${same.join(' AND ')} THEN
    NEW.${quote(column)} := NEW.${quote(key)};
    RETURN NEW;
  END IF;
`
    : ''
  const isThere = [...matches, `parent.${quote(key)} = NEW.${quote(column)}`].join(' AND ')
  // The row may well be there, and have this key.
  const looksAgain = absent.isUsed
    ? `    IF EXISTS (SELECT FROM ${qualified(table)} parent WHERE ${isThere}) THEN
      RETURN NULL;
    END IF;
`
    : ''
  const message = `insert or update on table "${child.name}" violates foreign key constraint "${foreign.name}"`
  return `CREATE FUNCTION ${quote(helperSchema)}.${quote(fill)}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS ${dollarQuote(`
BEGIN
  IF TG_WHEN = 'AFTER' THEN
${looksAgain}    RAISE foreign_key_violation USING MESSAGE = ${literal(message)},
      SCHEMA = ${literal(child.schema)}, TABLE = ${literal(child.name)}, CONSTRAINT = ${literal(foreign.name)};
  END IF;
  IF ${unset} THEN
    NEW.${quote(column)} := NULL;
    RETURN NEW;
  END IF;
${pointsToItself}  SELECT parent.${quote(key)} INTO NEW.${quote(column)}
  FROM ${qualified(table)} parent WHERE ${matches.join(' AND ')} FOR KEY SHARE;
  IF NOT FOUND THEN
    NEW.${quote(column)} := ${absent.literal};
  END IF;
  RETURN NEW;
END
`)}`
}

/**
 * Until the swap, when the foreign key does it, a trigger changes the copies with the key. Who adds a child holds a lock on
 * the row that it points to: the row is locked against that first, so that no child with the former key is overlooked.
 */
function followKey(subject: Subject, carried: ChildKey): string[] {
  const { table, key } = subject
  const { key: foreign, child, column, follow } = carried
  const routine = `${quote(helperSchema)}.${quote(follow)}()`
  const row = foreign.referenced.map((each) => `parent.${quote(each)} = NEW.${quote(each)}`)
  const copies = foreign.columns.map(
    (own, at) => `child.${quote(own)} = NEW.${quote(foreign.referenced[at] ?? '')}`,
  )
  return [
    `CREATE FUNCTION ${routine} RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS ${dollarQuote(`
BEGIN
  PERFORM FROM ${qualified(table)} parent WHERE ${row.join(' AND ')} FOR UPDATE;
  UPDATE ${qualified(child)} child SET ${quote(column)} = NEW.${quote(key)}
  WHERE ${copies.join(' AND ')} AND child.${quote(column)} IS DISTINCT FROM NEW.${quote(key)};
  RETURN NULL;
END
`)}`,
    `REVOKE ALL ON FUNCTION ${routine} FROM PUBLIC`,
    followTriggerOf(subject, carried),
  ]
}

/** The trigger on the table that is to be partitioned, until it is. */
export function followTriggerOf({ table, key }: Subject, { follow, followTrigger }: ChildKey): string {
  return (
    `CREATE TRIGGER ${quote(followTrigger)} AFTER UPDATE ON ${qualified(table)} FOR EACH ROW ` +
    `WHEN (OLD.${quote(key)} IS DISTINCT FROM NEW.${quote(key)}) EXECUTE FUNCTION ${quote(helperSchema)}.${quote(follow)}()`
  )
}

/** The backfill in one piece and in batches over the primary key; without one, the rows are not walked. */
function fillStatement({ table, key }: Subject, { key: foreign, child, column }: ChildKey, isQuiet: boolean) {
  const walked = child.constraints.find(({ kind }) => kind === 'p')?.columns ?? []
  const joins = foreign.columns.map(
    (own, at) => `parent.${quote(foreign.referenced[at] ?? '')} = child.${quote(own)}`,
  )
  const sql =
    (isQuiet
      ? `WITH quiet AS MATERIALIZED (SELECT pg_catalog.set_config('${quietSetting}', 'on', true))\n`
      : '') +
    `UPDATE ${qualified(child)} AS child SET ${quote(column)} = parent.${quote(key)}\n` +
    `FROM ${qualified(table)} parent${isQuiet ? ', quiet' : ''}\n` +
    `WHERE ${joins.join(' AND ')} AND child.${quote(column)} IS NULL AND {batch}`
  return {
    whole: sql.replace('{batch}', 'true'),
    batched: {
      table: { schema: child.schema, name: child.name },
      key: walked,
      as: 'child',
      sql,
    },
  }
}

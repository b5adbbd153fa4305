import { dollarQuote } from '../postgres/dollarQuote.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { ChildKey, Subject } from './subject.ts'
import { helperSchema } from './subject.ts'
import { detached } from './detached.ts'
import { literal } from './remake.ts'

/**
 * Triggers in the place of foreign keys, while the rows that these point to are on several tables: what deletes or
 * renumbers a row does to its children what the foreign key would. New children are looked at by the trigger that fills
 * their copy of the key. A row that has only moved is still there, and nothing happens.
 */
export function keepChildren(subject: Subject): string[] {
  const { table, children, functions } = subject
  if (children.length === 0) return []
  const name = `${quote(helperSchema)}.${quote(functions.keepChildren)}()`
  const referenced = new Set(children.flatMap(({ key }) => key.referenced))
  const create = (on: string) =>
    `CREATE TRIGGER zz_keep_children AFTER DELETE OR UPDATE OF ${[...referenced].map(quote).join(', ')} ON ${on} ` +
    `FOR EACH ROW EXECUTE FUNCTION ${name}`
  return [
    `CREATE FUNCTION ${name} RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS ${dollarQuote(`
BEGIN
${children.map((child) => keepOne(table, child)).join('')}  RETURN NULL;
END
`)}`,
    `REVOKE ALL ON FUNCTION ${name} FROM PUBLIC`,
    create(qualified(table)),
    `DO ${dollarQuote(`
DECLARE
  child pg_catalog.regclass;
BEGIN
  FOR child IN ${detached} LOOP
    EXECUTE pg_catalog.format(${literal(create('%s').replaceAll('%', '%%').replace('ON %%s ', 'ON %s '))}, child);
  END LOOP;
END
`)}`,
  ]
}

function keepOne(table: Subject['table'], { key, column }: ChildKey): string {
  const where = key.columns
    .map((own, at) => `child.${quote(own)} = OLD.${quote(key.referenced[at] ?? '')}`)
    .join(' AND ')
  const still = key.referenced.map((each) => `row.${quote(each)} = OLD.${quote(each)}`).join(' AND ')
  const child = qualified(key.table)
  const message = `update or delete on table "${table.name}" violates foreign key constraint "${key.name}" on table "${key.table.name}"`
  const refuse =
    `IF EXISTS (SELECT FROM ${child} child WHERE ${where}) THEN\n` +
    `        RAISE foreign_key_violation USING MESSAGE = ${literal(message)}, SCHEMA = ${literal(key.table.schema)}, ` +
    `TABLE = ${literal(key.table.name)}, CONSTRAINT = ${literal(key.name)};\n      END IF`
  const unset = [...key.columns, column].map((each) => `${quote(each)} = NULL`).join(', ')
  const follow = key.columns
    .map((own, at) => `${quote(own)} = NEW.${quote(key.referenced[at] ?? '')}`)
    .join(', ')
  const act = (action: string, cascade: string): string =>
    action === 'CASCADE'
      ? cascade
      : action === 'SET NULL'
        ? `UPDATE ${child} child SET ${unset} WHERE ${where}`
        : refuse
  return `  IF NOT EXISTS (SELECT FROM ${qualified(table)} row WHERE ${still}) THEN
    IF TG_OP = 'DELETE' THEN
      ${act(key.onDelete, `DELETE FROM ${child} child WHERE ${where}`)};
    ELSE
      ${act(key.onUpdate, `UPDATE ${child} child SET ${follow} WHERE ${where}`)};
    END IF;
  END IF;
`
}

import { dollarQuote } from '../postgres/dollarQuote.ts'
import { commentOn } from '../operations/comment.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { politely } from './lockPolitely.ts'
import { literal } from './remake.ts'
import type { ChildKey, Subject } from './subject.ts'

/**
 * Foreign keys of the table to itself. Before PostgreSQL 18 a partitioned table cannot have one that is NOT VALID, but a
 * partition can. So each partition gets its own, which points to the whole table, and is validated by itself; then the
 * table's own takes these over without reading a row.
 */
export function ownKeys({ children, table }: Subject): ChildKey[] {
  return children.filter(({ key }) => key.table.schema === table.schema && key.table.name === table.name)
}

export function otherKeys(subject: Subject): ChildKey[] {
  const own = ownKeys(subject)
  return subject.children.filter((child) => !own.includes(child))
}

/** `FOREIGN KEY (parent, lines_at) REFERENCES lines (id, at) ON UPDATE CASCADE`, with the key in it. */
export function keyWithKey({ table, key }: Subject, { key: foreign, column }: ChildKey): string {
  const { columns, referenced, onDelete, isDeferrable, isDeferred } = foreign
  const from = [...columns, column].map(quote).join(', ')
  const to = [...referenced, key].map(quote).join(', ')
  // A row that changes its key takes its children along.
  const actions = ` ON UPDATE CASCADE${onDelete === 'NO ACTION' ? '' : ` ON DELETE ${onDelete}`}`
  const deferrable = isDeferrable ? ` DEFERRABLE${isDeferred ? ' INITIALLY DEFERRED' : ''}` : ''
  return `FOREIGN KEY (${from}) REFERENCES ${qualified(table)} (${to})${actions}${deferrable}`
}

/** Gives each partition its own, NOT VALID. */
export function ownKeysOfLeaves(subject: Subject): string[] {
  return ownKeys(subject).map((own) =>
    forLeaves(subject, '', [
      `ALTER TABLE %s ADD CONSTRAINT ${quote(own.key.name)} ${keyWithKey(subject, own)} NOT VALID`,
    ]),
  )
}

/** Takes them off the table and its partitions, whichever have them. */
export function dropOwnKeys(subject: Subject): string[] {
  return ownKeys(subject).flatMap(({ key: { name } }) => {
    const drop = `DROP CONSTRAINT IF EXISTS ${quote(name)}`
    return [
      `ALTER TABLE ${qualified(subject.table)} ${drop}`,
      forLeaves(subject, '', [`ALTER TABLE %s ${drop}`]),
    ]
  })
}

/** Validates what is not yet, and gives the table its own, unless it has it. */
export function takeOwnKeysOver(subject: Subject): string[] {
  const on = qualified(subject.table)
  return ownKeys(subject).map((own) => {
    const { name, comment } = own.key
    const validate = forLeaves(
      subject,
      `WHERE EXISTS (SELECT FROM pg_catalog.pg_constraint
      WHERE conrelid = inhrelid AND conname = ${literal(name)} AND NOT convalidated)`,
      [`ALTER TABLE %s VALIDATE CONSTRAINT ${quote(name)}`],
    )
    const add = politely(`LOCK TABLE ${on} IN SHARE ROW EXCLUSIVE MODE;
      PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
      ALTER TABLE ${on} ADD CONSTRAINT ${quote(name)} ${keyWithKey(subject, own)};`)
    return `DO ${dollarQuote(`
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
    WHERE conrelid = ${literal(on)}::pg_catalog.regclass AND conname = ${literal(name)}) THEN
    ${validate};
    ${add};
    ${commentOn(`CONSTRAINT ${quote(name)} ON ${on}`, comment)
      .map((each) => `${each};`)
      .join('')}
  END IF;
END
`)}`
  })
}

/** SQL that runs for each partition, whose name takes the place of the first `%s`. */
function forLeaves({ table }: Subject, where: string, statements: readonly string[]): string {
  const inFormat = (statement: string): string =>
    literal(statement.replaceAll('%', '%%').replace('ALTER TABLE %%s ', 'ALTER TABLE %s '))
  return `DO ${dollarQuote(`
DECLARE
  leaf pg_catalog.regclass;
BEGIN
  FOR leaf IN
    SELECT inhrelid::pg_catalog.regclass FROM (
      SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = ${literal(qualified(table))}::pg_catalog.regclass
    ) own ${where} ORDER BY 1
  LOOP
${statements.map((each) => `    EXECUTE pg_catalog.format(${inFormat(each)}, leaf);\n`).join('')}  END LOOP;
END
`)}`
}

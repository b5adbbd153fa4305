import type { RelationName } from '../postgres/identifiers.ts'
import { dollarQuote } from '../postgres/dollarQuote.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { commentOn } from '../operations/comment.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { detourOf, execute, isOurs, makeDetour, mark } from './detours.ts'
import { moveIndex, readElsewhere } from './editSql.ts'
import { politely } from './lockPolitely.ts'
import { dropRowFunctions, grantAll, literal, pointDependents, revokeAll, setColumns } from './remake.ts'
import type { RemadeView, Subject } from './subject.ts'
import { helperSchema } from './subject.ts'

/** What the new ones read: the table, or a plain view of it, which lasts while the table changes its place. */
export type Source = 'table' | 'detour'

/**
 * Makes the materialized views of the table again, since they read a table by its oid: a procedure that is made, called
 * and dropped. Each is built under another name, while clients read the one that is there, and takes its place in a short
 * transaction. The procedure may be cut off anywhere and called again.
 *
 * ```sql
 * CREATE MATERIALIZED VIEW revenue_next AS SELECT ... WITH NO DATA;
 * REFRESH MATERIALIZED VIEW revenue_next;
 * ALTER MATERIALIZED VIEW revenue RENAME TO revenue_former;
 * ALTER MATERIALIZED VIEW revenue_next RENAME TO revenue;
 * ```
 */
export async function remakeViews(subject: Subject, source: Source): Promise<string[]> {
  if (subject.materializedViews.length === 0) return []
  const name = `${quote(helperSchema)}.${quote(subject.functions.remakeViews)}()`
  return [
    await procedure(subject, name, source),
    `REVOKE ALL ON PROCEDURE ${name} FROM PUBLIC`,
    `CALL ${name}`,
    `DROP PROCEDURE ${name}`,
  ]
}

async function procedure(subject: Subject, name: string, source: Source): Promise<string> {
  const turns: string[] = []
  for (const remade of subject.materializedViews) turns.push(await remakeOne(subject, remade, source))
  const later = subject.materializedViews.filter((remade) => isReadByOthers(subject, remade)).reverse()
  const drops = later.map((remade) => {
    const former = relationOf(remade, remade.former)
    return `  IF ${isOurs(former)} THEN
${politely(execute(`DROP MATERIALIZED VIEW ${qualified(former)}`))};
    COMMIT;
    ${atHome}
  END IF;
`
  })
  const detours = subject.materializedViews.flatMap((remade) => detourOf(remade) ?? [])
  const cleared =
    source === 'detour'
      ? []
      : detours.map(
          (detour) =>
            `  IF ${isOurs(detour)} THEN\n    ${execute(`DROP VIEW ${qualified(detour)}`)}\n  END IF;\n`,
        )
  return `CREATE PROCEDURE ${name} LANGUAGE plpgsql AS ${dollarQuote(`
DECLARE
  was text := pg_catalog.current_setting('search_path');
  is_populated boolean;
BEGIN
  ${atHome}
${[...turns, ...drops, ...cleared].join('')}END
`)}`
}

/** Every name in what follows has its schema. */
const atHome = `PERFORM pg_catalog.set_config('search_path', '', true);`

async function remakeOne(subject: Subject, remade: RemadeView, source: Source): Promise<string> {
  const { view } = remade
  const next = relationOf(remade, remade.next)
  const detour = source === 'detour' ? detourOf(remade) : undefined
  const reads = view.reads.map((each) => (isTable(subject, each) && detour ? detour : each))
  const { settle, indexes } = await furnish(remade, next)
  const query = detour ? await readElsewhere(view.query, { from: subject.table, to: detour }) : view.query
  return `  IF NOT (${readsThem(view, reads)}) THEN
    -- One that was cut off may be old by now.
    IF ${isOurs(next)} THEN
      ${execute(`DROP MATERIALIZED VIEW ${qualified(next)}`)}
    END IF;
${detour ? makeDetour(subject, view.owner, detour) : ''}    ${execute(create(remade, next, query))}
${settle.map((each) => `    ${execute(each)}\n`).join('')}    SELECT relispopulated INTO is_populated FROM pg_catalog.pg_class WHERE oid = ${oidOf(view)};
    IF is_populated THEN
      -- As its owner, and with the path that a client has.
      PERFORM pg_catalog.set_config('search_path', was, true);
      ${execute(`REFRESH MATERIALIZED VIEW ${qualified(next)}`)}
      ${atHome}
    END IF;
${indexes.map((each) => `    ${execute(each)}\n`).join('')}    ${execute(`ANALYZE ${qualified(next)}`)}
    COMMIT;
    ${atHome}
${politely(exchange(subject, remade))};
    COMMIT;
    ${atHome}
  END IF;
`
}

function create({ view }: RemadeView, next: RelationName, query: string): string {
  const { storageParameters, tablespace } = view
  return (
    `CREATE MATERIALIZED VIEW ${qualified(next)}` +
    (storageParameters.length === 0 ? '' : ` WITH (${storageParameters.join(', ')})`) +
    (tablespace === null ? '' : ` TABLESPACE ${quote(tablespace)}`) +
    ` AS\n${withoutArrayCasts(query.trim().replace(/;$/, ''))}\nWITH NO DATA`
  )
}

/** What it has beside its query; before it has rows, and after. */
async function furnish({ view, indexes: names }: RemadeView, next: RelationName) {
  const on = qualified(next)
  const indexes: string[] = []
  for (const index of view.indexes) {
    const name = { schema: view.schema, name: names.get(index.name)?.next ?? '' }
    indexes.push(
      moveIndex(withoutArrayCasts(index.definition), { name: name.name, table: next }),
      ...(index.tablespace === null
        ? []
        : [`ALTER INDEX ${qualified(name)} SET TABLESPACE ${quote(index.tablespace)}`]),
      ...index.statisticsTargets.map(
        ([column, target]) =>
          `ALTER INDEX ${qualified(name)} ALTER COLUMN ${column} SET STATISTICS ${target}`,
      ),
      ...(index.isClustered ? [`ALTER MATERIALIZED VIEW ${on} CLUSTER ON ${quote(name.name)}`] : []),
      ...commentOn(`INDEX ${qualified(name)}`, index.comment),
    )
  }
  const alter = `ALTER MATERIALIZED VIEW ${on} ALTER COLUMN`
  const settle = [
    `COMMENT ON MATERIALIZED VIEW ${on} IS ${literal(mark)}`,
    `ALTER MATERIALIZED VIEW ${on} OWNER TO ${quote(view.owner)}`,
    ...setColumns(next, view),
    ...view.columns.flatMap(({ name, storage, compression, comment }) => [
      ...(storage === null ? [] : [`${alter} ${quote(name)} SET STORAGE ${storage}`]),
      ...(compression === null ? [] : [`${alter} ${quote(name)} SET COMPRESSION ${compression}`]),
      ...commentOn(`COLUMN ${on}.${quote(name)}`, comment),
    ]),
    revokeAll(`${literal(on)}::pg_catalog.regclass`),
    ...grantAll(next, view),
  ]
  return { settle, indexes }
}

/** Takes the place of the one that is there. What is written in terms of it is written again. */
function exchange(subject: Subject, remade: RemadeView): string {
  const { view, next, former, indexes } = remade
  const last = relationOf(remade, former)
  const index = (name: string) => qualified({ schema: view.schema, name })
  const renames = Array.from(indexes, ([name, other]) => ({ name, ...other }))
  return [
    execute(`ALTER MATERIALIZED VIEW ${qualified(view)} RENAME TO ${quote(former)}`),
    `PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);`,
    `IF NOT is_populated AND (SELECT relispopulated FROM pg_catalog.pg_class WHERE oid = ${oidOf(last)}) THEN
  RAISE object_in_use USING MESSAGE = ${literal(`materialized view ${qualified(view)} was filled meanwhile`)},
    HINT = 'Run the migration again.';
END IF;`,
    ...dropRowFunctions(view).map(execute),
    ...renames.map((each) => execute(`ALTER INDEX ${index(each.name)} RENAME TO ${quote(each.former)}`)),
    execute(`ALTER MATERIALIZED VIEW ${qualified({ ...view, name: next })} RENAME TO ${quote(view.name)}`),
    ...renames.map((each) => execute(`ALTER INDEX ${index(each.next)} RENAME TO ${quote(each.name)}`)),
    execute(
      `COMMENT ON MATERIALIZED VIEW ${qualified(view)} IS ${view.comment === null ? 'NULL' : literal(view.comment)}`,
    ),
    ...pointDependents(view).map(execute),
    execute(
      isReadByOthers(subject, remade)
        ? `COMMENT ON MATERIALIZED VIEW ${qualified(last)} IS ${literal(mark)}`
        : `DROP MATERIALIZED VIEW ${qualified(last)}`,
    ),
  ].join('\n')
}

/** SQL: the view reads each of these by its present oid. */
function readsThem(view: RelationName, sources: readonly RelationName[]): string {
  const found = sources.map((source) => `pg_catalog.to_regclass(${literal(qualified(source))})`)
  return `SELECT pg_catalog.count(DISTINCT depend.refobjid) = ${sources.length}
      FROM pg_catalog.pg_rewrite rule JOIN pg_catalog.pg_depend depend
        ON depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND depend.objid = rule.oid
      WHERE rule.ev_class = ${oidOf(view)}
        AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid IN (${found.join(', ')})`
}

function oidOf(relation: RelationName): string {
  return `${literal(qualified(relation))}::pg_catalog.regclass`
}

function isReadByOthers({ materializedViews }: Subject, { view }: RemadeView): boolean {
  return materializedViews.some((other) =>
    other.view.reads.some(({ schema, name }) => schema === view.schema && name === view.name),
  )
}

function isTable({ table }: Subject, { schema, name }: RelationName): boolean {
  return schema === table.schema && name === table.name
}

function relationOf({ view }: RemadeView, name: string): RelationName {
  return { schema: view.schema, name }
}

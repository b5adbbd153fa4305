import { dollarQuote } from '../postgres/dollarQuote.ts'
import { escapeLiteral } from 'pg'
import type {
  DependentFunction,
  DependentView,
  Grant,
  Publication,
  TableUsers,
} from '../catalog/tableUsers.ts'
import type { WholeColumn } from '../catalog/wholeColumns.ts'
import type { WholePolicy, WholeTable } from '../catalog/wholeTable.ts'
import { commentOn } from '../operations/comment.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { groupBy } from '../groupBy.ts'

/** A literal that can stand anywhere: `escapeLiteral` writes a space before E'...'. */
export function literal(text: string): string {
  return escapeLiteral(text).trim()
}

/** Row-level security and its policies, as they were. */
export function createPolicies(table: RelationName, from: WholeTable): string[] {
  const on = qualified(table)
  return [
    ...(from.rowSecurity ? [`ALTER TABLE ${on} ENABLE ROW LEVEL SECURITY`] : []),
    ...(from.forcesRowSecurity ? [`ALTER TABLE ${on} FORCE ROW LEVEL SECURITY`] : []),
    ...from.policies.flatMap((policy) => [
      createPolicy(on, policy),
      ...commentOn(`POLICY ${quote(policy.name)} ON ${on}`, policy.comment),
    ]),
  ]
}

function createPolicy(on: string, { name, isPermissive, command, roles, using, check }: WholePolicy): string {
  return [
    `CREATE POLICY ${quote(name)} ON ${on}`,
    `AS ${isPermissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${command}`,
    `TO ${roles.length === 0 ? 'PUBLIC' : roles.map(quote).join(', ')}`,
    ...(using === null ? [] : [`USING (${withoutArrayCasts(using)})`]),
    ...(check === null ? [] : [`WITH CHECK (${withoutArrayCasts(check)})`]),
  ].join(' ')
}

/**
 * Takes every privilege on the relations of a query away from everybody but the owner: what default privileges have
 * given to a new table, too.
 *
 * @param relations SQL: a query of oids
 */
export function revokeAll(relations: string): string {
  return `DO ${dollarQuote(`
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT DISTINCT class.oid::pg_catalog.regclass AS relation,
      CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END AS grantee
    FROM pg_catalog.pg_class class, LATERAL (
      SELECT grantee FROM pg_catalog.aclexplode(class.relacl)
      UNION
      SELECT of_column.grantee FROM pg_catalog.pg_attribute, pg_catalog.aclexplode(attacl) of_column WHERE attrelid = class.oid
    ) acl
    WHERE class.oid IN (${relations}) AND acl.grantee <> class.relowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', entry.relation, entry.grantee);
  END LOOP;
END
`)}`
}

/** The privileges that others have, by their grantors. */
export function grantAll(
  table: RelationName,
  { grants, owner }: Pick<WholeTable, 'grants' | 'owner'>,
): string[] {
  const alike = groupBy(
    grants.filter(({ grantee }) => grantee !== owner),
    ({ grantor, grantee, column, isGrantable }) => JSON.stringify([grantor, grantee, column, isGrantable]),
  )
  // Who was given the right to grant has to have it first.
  const [given, passedOn] = [true, false].map((byOwner) =>
    [...alike.values()].filter(([{ grantor }]) => (grantor === owner) === byOwner),
  )
  return [...(given ?? []), ...(passedOn ?? [])].flatMap((entries) => grant(table, owner, entries))
}

function grant(table: RelationName, owner: string, entries: [Grant, ...Grant[]]): string[] {
  const [{ grantor, grantee, column, isGrantable }] = entries
  const privileges = entries.map(({ privilege }) =>
    column === null ? privilege : `${privilege} (${quote(column)})`,
  )
  const statement =
    `GRANT ${privileges.join(', ')} ON TABLE ${qualified(table)} ` +
    `TO ${grantee === null ? 'PUBLIC' : quote(grantee)}${isGrantable ? ' WITH GRANT OPTION' : ''}`
  return grantor === owner ? [statement] : [`SET LOCAL ROLE ${quote(grantor)}`, statement, 'RESET ROLE']
}

/** What is set of columns: targets of statistics, and `n_distinct`. */
export function setColumns(table: RelationName, { columns }: { columns: readonly WholeColumn[] }): string[] {
  const alter = `ALTER TABLE ${qualified(table)} ALTER COLUMN`
  return columns.flatMap(({ name, statisticsTarget, options }) => [
    ...(statisticsTarget === null ? [] : [`${alter} ${quote(name)} SET STATISTICS ${statisticsTarget}`]),
    ...(options.length === 0 ? [] : [`${alter} ${quote(name)} SET (${options.join(', ')})`]),
  ])
}

/** FULL and NOTHING belong to each table alone. */
export function setReplicaIdentity(table: RelationName, { replicaIdentity }: WholeTable): string[] {
  const words = { d: undefined, i: undefined, f: 'FULL', n: 'NOTHING' }[replicaIdentity]
  return words === undefined ? [] : [`ALTER TABLE ${qualified(table)} REPLICA IDENTITY ${words}`]
}

/** Views, policies of other tables and functions mean a table by its oid: written again, they mean the new one. */
export function pointDependents({ views, readers, functions }: TableUsers): string[] {
  return [
    ...views.map(replaceView),
    ...readers.map(
      ({ table, name, using, check }) =>
        `ALTER POLICY ${quote(name)} ON ${qualified(table)}` +
        (using === null ? '' : ` USING (${withoutArrayCasts(using)})`) +
        (check === null ? '' : ` WITH CHECK (${withoutArrayCasts(check)})`),
    ),
    ...functions.flatMap(replaceFunction),
  ]
}

function replaceView({ query, options, ...view }: DependentView): string {
  const list = options.length === 0 ? '' : ` WITH (${options.join(', ')})`
  return `CREATE OR REPLACE VIEW ${qualified(view)}${list} AS\n${withoutArrayCasts(query.trim().replace(/;$/, ''))}`
}

/** A function of the table's row type was dropped before; see `dropRowFunctions`. */
function replaceFunction(routine: DependentFunction): string[] {
  const { definition, hasRowType, signature, owner, grants, isClosed, comment } = routine
  const create = withoutArrayCasts(definition.trim())
  if (!hasRowType) return [create]
  return [
    create,
    `ALTER ROUTINE ${signature} OWNER TO ${quote(owner)}`,
    ...(isClosed ? [revokeRoutine(signature)] : []),
    ...grants.map((each) => each.replace(' ON FUNCTION ', ' ON ROUTINE ')),
    ...commentOn(`ROUTINE ${signature}`, comment),
  ]
}

function revokeRoutine(signature: string): string {
  return `DO ${dollarQuote(`
DECLARE
  grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
      ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END
    FROM pg_catalog.pg_proc proc,
      pg_catalog.aclexplode(coalesce(proc.proacl, pg_catalog.acldefault('f', proc.proowner))) acl
    WHERE proc.oid = ${literal(signature)}::pg_catalog.regprocedure AND acl.grantee <> proc.proowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %s', ${literal(signature)}, grantee);
  END LOOP;
END
`)}`
}

/** Functions that take or return rows of the table have to be made again: a type of theirs goes with the table. */
export function dropRowFunctions({ functions }: TableUsers): string[] {
  return functions.filter(({ hasRowType }) => hasRowType).map(({ signature }) => `DROP ROUTINE ${signature}`)
}

/** Puts one table in the place of another, where a publication names it. */
export function republish(
  publications: readonly Publication[],
  tables: { from: RelationName; to: RelationName },
  viaRoot: (publication: Publication) => boolean,
): string[] {
  return publications
    .filter(({ namesTable }) => namesTable)
    .flatMap((publication) => {
      const { name, columns, filter } = publication
      const list = columns === null ? '' : ` (${columns.map(quote).join(', ')})`
      const where = filter === null ? '' : ` WHERE (${withoutArrayCasts(filter)})`
      const alter = `ALTER PUBLICATION ${quote(name)}`
      return [
        `${alter} DROP TABLE ${qualified(tables.from)}`,
        ...(publication.viaRoot
          ? []
          : [`${alter} SET (publish_via_partition_root = ${viaRoot(publication)})`]),
        `${alter} ADD TABLE ${qualified(tables.to)}${list}${where}`,
      ]
    })
}

import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { withoutArrayCasts } from '../syntax/arrayCasts.ts'
import { sameTree } from '../syntax/expression.ts'
import type { Node } from '../syntax/statements.ts'
import { splitStatements } from '../syntax/statements.ts'
import { commentOn } from './comment.ts'
import { NotReversible } from './notReversible.ts'

/**
 * The statements that make an index again exactly as it is, without blocking writes: definition, storage
 * parameters and tablespace in the first, statistics targets and comment in those that follow.
 *
 * ```sql
 * CREATE INDEX CONCURRENTLY a_lower_idx ON public.a USING btree (lower(b)) WITH (fillfactor=70) TABLESPACE fast
 * ALTER INDEX "public"."a_lower_idx" ALTER COLUMN 1 SET STATISTICS 500
 * COMMENT ON INDEX "public"."a_lower_idx" IS 'for the search page'
 * ```
 *
 * @throws NotReversible if the index is protected, or its definition changes when it is parsed and printed
 */
export async function recreateIndex(index: DefinedIndex): Promise<string[]> {
  if (index.protectedBecause !== null) throw new NotReversible(index.protectedBecause)
  if (index.isPartitioned) {
    throw new NotReversible('the index of a partitioned table can be neither dropped nor built concurrently')
  }
  const name = qualified(index)
  return [
    await buildConcurrently(index),
    ...Object.entries(index.statisticsTargets).map(
      ([column, target]) => `ALTER INDEX ${name} ALTER COLUMN ${column} SET STATISTICS ${target}`,
    ),
    ...commentOn(`INDEX ${name}`, index.comment),
  ]
}

/**
 * A concurrent build of the index as it is, or under another name and on fewer rows. The text is PostgreSQL's own, with
 * the changes inserted; parsed again, it must differ in these alone.
 *
 * @throws NotReversible if it differs in more
 */
export async function buildConcurrently(
  index: DefinedIndex,
  { name = index.name, where }: { name?: string; where?: string } = {},
): Promise<string> {
  const { definition, predicate, tablespace } = index
  const method = definition.slice(0, definition.indexOf('INDEX ') + 'INDEX '.length)
  const named = [index.name, quote(index.name)].find((text) => definition.startsWith(`${method}${text} ON `))
  const condition = predicate === null ? '' : ` WHERE ${predicate}`
  if (named === undefined || !definition.endsWith(condition)) throw cannotRepeat(definition)
  const body = definition.slice(method.length + named.length, definition.length - condition.length)
  const space = tablespace === null ? '' : ` TABLESPACE ${quote(tablespace)}`
  const statement = `${method}CONCURRENTLY ${name === index.name ? named : quote(name)}${body}${space}`
  const { concurrent, tableSpace, ...rest } = await readIndexStatement(`${statement}${condition}`)
  const same = sameTree(rest, { ...(await readIndexStatement(definition)), idxname: name })
  if (!same || concurrent !== true || (tableSpace ?? null) !== tablespace) throw cannotRepeat(definition)
  return withoutArrayCasts(`${statement}${where === undefined ? condition : ` WHERE ${where}`}`)
}

function cannotRepeat(definition: string): NotReversible {
  return new NotReversible(`its definition cannot be repeated exactly: ${definition}`)
}

async function readIndexStatement(sql: string): Promise<Node> {
  const [statement, ...more] = await splitStatements(sql)
  const node = statement?.node['IndexStmt']
  if (typeof node !== 'object' || node === null || more.length > 0) {
    throw new NotReversible(`this is no definition of an index: ${sql}`)
  }
  return node as Node
}

/** `DROP INDEX CONCURRENTLY "public"."a_b_idx"` */
export function dropConcurrently(index: RelationName): string {
  return `DROP INDEX CONCURRENTLY ${qualified(index)}`
}

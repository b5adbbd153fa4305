import type { ClientBase } from 'pg'
import { parseExpression } from '../../syntax/expression.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import type { SampledColumn } from './columnSamples.ts'
import { evaluateOnSamples, readSampledColumn } from './columnSamples.ts'
import { restoreColumnStatistics } from './columnStatistics.ts'
import type { Answer } from './expressionDistribution.ts'
import { distributionOf } from './expressionDistribution.ts'
import { lexemeStatistics } from './lexemeStatistics.ts'
import type { ColumnState } from './state.ts'

/** A key of an index that is an expression. */
interface IndexExpression {
  schema: string
  relation: string
  column: string
  tableOid: number
  expression: string
}

type Estimated = Omit<ColumnState, 'schema' | 'relation' | 'column' | 'inherited'>

/**
 * Estimates statistics of the expressions of indexes that were never analyzed, and puts them where ANALYZE would: an
 * expression of one column is evaluated on what the statistics know of that column, its common values and the bounds
 * of its histogram. Without, PostgreSQL takes half a per cent of the rows for any value.
 *
 * Where it cannot be evaluated nothing is changed: an expression of several columns, a column without statistics, a
 * function that fails.
 */
export async function estimateExpressionStatistics(
  client: ClientBase,
  indexes: readonly { schema: string; name: string }[],
): Promise<void> {
  const estimated = new Map<string, Promise<Estimated | undefined>>()
  const states: ColumnState[] = []
  for (const each of await listExpressions(client, indexes)) {
    const key = JSON.stringify([each.tableOid, each.expression])
    const known = estimated.get(key) ?? estimate(client, each)
    estimated.set(key, known)
    const found = await known
    const { schema, relation, column } = each
    if (found) states.push({ schema, relation, column, inherited: false, ...found })
  }
  if (states.length > 0) await restoreColumnStatistics(client, states)
}

/** Those that nobody has statistics of. Names are qualified as far as they must be. */
async function listExpressions(
  client: ClientBase,
  indexes: readonly { schema: string; name: string }[],
): Promise<IndexExpression[]> {
  await client.query(`BEGIN; SET LOCAL search_path = ''`)
  try {
    const { rows } = await client.query<IndexExpression>(
      `SELECT n.nspname::text AS schema, c.relname::text AS relation, a.attname::text AS "column",
         i.indrelid::int AS "tableOid", pg_catalog.pg_get_indexdef(c.oid, a.attnum, false) AS expression
       FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS wanted (schema name, name name)
       JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind = 'i'
       JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND i.indkey[a.attnum - 1] = 0
       WHERE NOT EXISTS (
         SELECT FROM pg_catalog.pg_statistic s WHERE s.starelid = c.oid AND s.staattnum = a.attnum)
       ORDER BY 1, 2, a.attnum`,
      [JSON.stringify(indexes)],
    )
    return rows
  } finally {
    await client.query('ROLLBACK')
  }
}

async function estimate(
  client: ClientBase,
  { tableOid, expression }: IndexExpression,
): Promise<Estimated | undefined> {
  const name = await onlyColumnOf(expression)
  const column = name === undefined ? undefined : await readSampledColumn(client, tableOid, name)
  if (!column) return undefined
  const samples = await evaluateOnSamples<Answer>(
    client,
    column,
    expression,
    `result::text AS text, coalesce(width, 0) AS width, pg_catalog.pg_typeof(result)::text AS type,
     (pg_catalog.dense_rank() OVER (ORDER BY result))::int AS rank`,
  )
  if (!samples?.some(({ text }) => text !== null)) return undefined
  const { common, histogram, ...numbers } = distributionOf(samples, column)
  const list = (values: string[]): string | null => (values.length > 0 ? arrayOf(values) : null)
  const estimated: Estimated = {
    ...numbers,
    commonValues: list(common.map(({ text }) => text)),
    commonFrequencies: common.length > 0 ? common.map(({ frequency }) => frequency) : null,
    histogram: list(histogram),
    commonElements: null,
    elementFrequencies: null,
    elementCounts: null,
    rangeLengths: null,
    rangeEmptyFraction: null,
    rangeBounds: null,
  }
  return samples[0]?.type === 'tsvector' ? withLexemes(client, column, expression, estimated) : estimated
}

/** ANALYZE counts the words of a tsvector, and nothing else. */
async function withLexemes(
  client: ClientBase,
  column: SampledColumn,
  expression: string,
  estimated: Estimated,
): Promise<Estimated> {
  const samples = await evaluateOnSamples<{ words: string[] | null }>(
    client,
    column,
    expression,
    'pg_catalog.tsvector_to_array(result) AS words',
  )
  const { words: common, frequencies } = lexemeStatistics(samples ?? [], column)
  return {
    ...estimated,
    distinct: estimated.nullFraction - 1,
    commonValues: null,
    commonFrequencies: null,
    histogram: null,
    correlation: null,
    commonElements: common.length > 0 ? arrayOf(common) : null,
    elementFrequencies: common.length > 0 ? frequencies : null,
  }
}

/** The column that the expression is made of; undefined where there are more. */
async function onlyColumnOf(expression: string): Promise<string | undefined> {
  const names = new Set<string>()
  for (const node of nodesIn(await parseExpression(expression))) {
    const column = as(node, 'ColumnRef')
    if (column) names.add(words(column.fields).at(-1) ?? '')
  }
  return names.size === 1 ? [...names][0] : undefined
}

/** `{"a","b \"c\""}` */
function arrayOf(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}

import { DatabaseError } from 'pg'
import type { ClientBase } from 'pg'
import { qualified, quote } from '../../postgres/identifiers.ts'
import { restoreColumnStatistics } from './columnStatistics.ts'
import type { NotRestored } from './columnStatistics.ts'
import { dependenciesBytes, ndistinctBytes, withFrequencies } from './extendedBytes.ts'
import type { Combination, ExtendedState } from './extendedState.ts'

/** Holds a table for a moment, in which PostgreSQL itself puts combinations of values into its own form. */
const scratchSchema = 'hundredfold_scratch'
const scratch = { schema: scratchSchema, name: 'combinations' }
const scratchTable = qualified(scratch)

interface StatisticsObject {
  oid: string
  table: { schema: string; name: string }
  /** By name, the numbers of the shadow's columns. */
  attnums: Record<string, number>
  /** What a SELECT of the table gives for each column and expression, in the object's order. */
  keys: string[]
}

/**
 * Gives the shadow's statistics objects what ANALYZE found for the source's, as superuser.
 *
 * @param hasInherited `pg_statistic_ext_data` tells apart tables with and without their children, from 15 on
 * @returns what it could not take
 */
export async function restoreExtendedStatistics(
  client: ClientBase,
  states: readonly ExtendedState[],
  hasInherited: boolean,
): Promise<NotRestored[]> {
  const notRestored: NotRestored[] = []
  for (const state of states) {
    const refuse = (reason: string): number =>
      notRestored.push({ schema: state.schema, relation: state.name, column: '', reason })
    const object = await findObject(client, state)
    if (!object) {
      refuse('the shadow has no such statistics object')
      continue
    }
    await client.query('BEGIN')
    try {
      await restore(client, object, state, hasInherited)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      if (!(error instanceof DatabaseError)) throw error
      refuse(`PostgreSQL refuses it (${error.code ?? 'no code'})`)
    }
  }
  return notRestored
}

async function findObject(
  client: ClientBase,
  { schema, name }: ExtendedState,
): Promise<StatisticsObject | undefined> {
  const { rows } = await client.query<StatisticsObject>(
    `SELECT s.oid::text, pg_catalog.jsonb_build_object('schema', tn.nspname, 'name', t.relname) AS "table",
       (SELECT pg_catalog.jsonb_object_agg(a.attname, a.attnum) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped) AS attnums,
       ARRAY(SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.unnest(s.stxkeys::int2[]) WITH ORDINALITY AS k (attnum, place)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum ORDER BY k.place)
       || coalesce(pg_catalog.pg_get_statisticsobjdef_expressions(s.oid), '{}') AS keys
     FROM pg_catalog.pg_statistic_ext s
     JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
     JOIN pg_catalog.pg_class t ON t.oid = s.stxrelid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
     WHERE n.nspname = $1 AND s.stxname = $2`,
    [schema, name],
  )
  return rows[0]
}

async function restore(
  client: ClientBase,
  { oid, table, attnums, keys }: StatisticsObject,
  state: ExtendedState,
  hasInherited: boolean,
): Promise<void> {
  const renumber = (attnum: number): number =>
    attnum < 0 ? attnum : (attnums[state.columns[attnum] ?? ''] ?? 0)
  const names = keys.map((_, at) => `k${at}`)
  await client.query(`CREATE SCHEMA ${quote(scratchSchema)}`)
  await client.query(
    `CREATE TABLE ${scratchTable} AS
     SELECT ${keys.map((key, at) => `${key} AS ${names[at]}`).join(', ')} FROM ${qualified(table)} WITH NO DATA`,
  )
  const expressions = await restoreExpressions(client, state, names)
  const list = await commonCombinations(client, state.combinations, names)
  // PostgreSQL has no way from bytes to these types; a cast that says that they are the same has to do.
  const types = ['pg_ndistinct', 'pg_dependencies', 'pg_mcv_list']
  await client.query(types.map((type) => `CREATE CAST (bytea AS ${type}) WITHOUT FUNCTION`).join('; '))
  await client.query(
    `DELETE FROM pg_catalog.pg_statistic_ext_data WHERE stxoid = $1 ${hasInherited ? `AND stxdinherit = ${state.inherited}` : ''}`,
    [oid],
  )
  await client.query(
    `INSERT INTO pg_catalog.pg_statistic_ext_data
       (stxoid, ${hasInherited ? 'stxdinherit, ' : ''}stxdndistinct, stxddependencies, stxdmcv, stxdexpr)
     VALUES ($1, ${hasInherited ? `${state.inherited}, ` : ''}$2::bytea::pg_ndistinct, $3::bytea::pg_dependencies,
       $4::bytea::pg_mcv_list, ${expressions})`,
    [
      oid,
      state.ndistinct === null ? null : ndistinctBytes(state.ndistinct, renumber),
      state.dependencies === null ? null : dependenciesBytes(state.dependencies, renumber),
      list,
    ],
  )
  await client.query(types.map((type) => `DROP CAST (bytea AS ${type})`).join('; '))
  await client.query(`DROP SCHEMA ${quote(scratchSchema)} CASCADE`)
}

/** Statistics of expressions are lines of `pg_statistic`: they are made as those of the scratch table's columns. */
async function restoreExpressions(
  client: ClientBase,
  { expressions }: ExtendedState,
  names: string[],
): Promise<string> {
  if (expressions.length === 0) return 'NULL'
  const own = names.slice(-expressions.length)
  await restoreColumnStatistics(
    client,
    own.flatMap((column, at) => {
      const state = expressions[at]
      return state
        ? [{ ...state, schema: scratch.schema, relation: scratch.name, column, inherited: false }]
        : []
    }),
  )
  return `(SELECT pg_catalog.array_agg(s ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum
    WHERE a.attrelid = '${scratchTable}'::regclass AND a.attname = ANY ('{${own.join(',')}}'))`
}

/** PostgreSQL puts the values into their form; the frequencies, which are not those of the scratch table, are ours. */
async function commonCombinations(
  client: ClientBase,
  combinations: readonly Combination[],
  names: string[],
): Promise<Buffer | null> {
  if (combinations.length === 0) return null
  const { rows: types } = await client.query<{ type: string }>(
    `SELECT pg_catalog.format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute
     WHERE attrelid = '${scratchTable}'::regclass AND attnum > 0 ORDER BY attnum`,
  )
  const values = types.map(({ type }, at) => `(line ->> ${at})::${type}`)
  await client.query(
    `INSERT INTO ${scratchTable} SELECT ${values.join(', ')} FROM pg_catalog.jsonb_array_elements($1::jsonb) AS line`,
    [JSON.stringify(combinations.map((combination) => combination.values))],
  )
  const object = qualified({ schema: scratchSchema, name: 'object' })
  await client.query(
    `CREATE STATISTICS ${object} (mcv) ON ${names.join(', ')} FROM ${scratchTable};
     ALTER STATISTICS ${object} SET STATISTICS 10000;
     ANALYZE ${scratchTable}`,
  )
  const { rows } = await client.query<{ list: Buffer; values: (string | null)[] }>(
    `SELECT d.stxdmcv::bytea AS list, i.values
     FROM pg_catalog.pg_statistic_ext s
     JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = s.oid
     CROSS JOIN LATERAL pg_catalog.pg_mcv_list_items(d.stxdmcv) i
     WHERE s.stxrelid = '${scratchTable}'::regclass
     ORDER BY i.index`,
  )
  const known = new Map(combinations.map((combination) => [JSON.stringify(combination.values), combination]))
  const items = rows.flatMap((row) => known.get(JSON.stringify(row.values)) ?? [])
  // Not a word of one that was read differently from how it was written: then there is no list.
  return rows[0] && items.length === rows.length ? withFrequencies(rows[0].list, items) : null
}

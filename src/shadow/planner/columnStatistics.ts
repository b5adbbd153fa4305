import type { ClientBase } from 'pg'
import { DatabaseError } from 'pg'
import type { ColumnState } from './state.ts'

/** Statistics that the shadow could not take, with PostgreSQL's reason, which holds no value of a row. */
export interface NotRestored {
  schema: string
  relation: string
  column: string
  reason: string
}

/** A column of the shadow, and the operators by which ANALYZE would have counted its values. */
interface Column {
  schema: string
  relation: string
  column: string
  relid: string
  attnum: number
  type: string
  collation: string
  equal: string
  less: string
  elementType: string
  elementCollation: string
  elementEqual: string
  rangeType: string
}

/** `kind` as in `pg_statistic_d.h`; a slot holds numbers, or values of a type, or both. */
interface Slot {
  kind: number
  operator: string
  collation: string
  numbers: number[] | null
  values: string | null
  valuesType: string
}

const [float8, text, textEqual, defaultCollation, float8Less] = ['701', '25', '98', '100', '672']
const mostSlots = 5

/** The default B-tree operator of a type by strategy: 1 is `<`, 3 is `=`. Enums, arrays, ranges and rows share theirs. */
const operatorOf = (type: string, strategy: 1 | 3): string => `coalesce((
  SELECT amop.amopopr
  FROM pg_catalog.pg_opclass opc
  JOIN pg_catalog.pg_am am ON am.oid = opc.opcmethod AND am.amname = 'btree'
  JOIN pg_catalog.pg_amop amop ON amop.amopfamily = opc.opcfamily AND amop.amopstrategy = ${strategy}
    AND amop.amoplefttype = opc.opcintype AND amop.amoprighttype = opc.opcintype
  JOIN pg_catalog.pg_type own ON own.oid = ${type}
  LEFT JOIN pg_catalog.pg_cast relabel ON relabel.castsource = own.oid AND relabel.casttarget = opc.opcintype
    AND relabel.castmethod = 'b' AND relabel.castcontext = 'i'
  WHERE opc.opcdefault AND (opc.opcintype = own.oid OR relabel.oid IS NOT NULL
    OR opc.opcintype = CASE WHEN own.typtype = 'e' THEN 'anyenum'::regtype WHEN own.typcategory = 'A' THEN 'anyarray'::regtype
      WHEN own.typtype = 'r' THEN 'anyrange'::regtype WHEN own.typtype = 'm' THEN 'anymultirange'::regtype
      WHEN own.typtype = 'c' THEN 'record'::regtype END)
  ORDER BY opc.opcintype <> own.oid, relabel.oid IS NULL, opc.oid
  LIMIT 1), 0)`

/** Columns of tables, and those of indexes, which hold an expression or nothing that has statistics. */
const columnsOfShadow = `
  WITH RECURSIVE columns AS (
    SELECT n.nspname, c.relname, a.attname, c.oid AS relid, a.attnum, a.attcollation,
      -- A GIN index on a tsvector stores words: its column is text, and its statistics are of the tsvector.
      -- Likewise one that hashes: its column is a number.
      CASE WHEN (k.opckeytype <> 0 OR am.amname = 'hash') AND t.typtype <> 'p' THEN k.opcintype ELSE a.atttypid END
        AS atttypid
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
    LEFT JOIN pg_catalog.pg_opclass k ON k.oid = i.indclass[a.attnum - 1]
    LEFT JOIN pg_catalog.pg_type t ON t.oid = k.opcintype
    WHERE c.relkind IN ('r', 'm', 'p', 'f', 'i') AND a.attnum > 0 AND NOT a.attisdropped
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'),
  bases (type, base) AS (
    SELECT DISTINCT atttypid, atttypid FROM columns
    UNION
    SELECT b.type, t.typbasetype FROM bases b JOIN pg_catalog.pg_type t ON t.oid = b.base AND t.typtype = 'd'),
  types AS (
    SELECT b.type, b.base,
      CASE WHEN b.base = 'tsvector'::regtype THEN ${text}::oid WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END AS element,
      CASE WHEN t.typtype = 'm' THEN (SELECT rngtypid FROM pg_catalog.pg_range WHERE rngmultitypid = b.base) ELSE b.base END
        AS range
    FROM bases b JOIN pg_catalog.pg_type t ON t.oid = b.base AND t.typtype <> 'd'),
  known AS (
    SELECT y.*, ${operatorOf('y.base', 3)} AS equal, ${operatorOf('y.base', 1)} AS less,
      CASE WHEN y.base = 'tsvector'::regtype THEN ${textEqual}::oid ELSE ${operatorOf('y.element', 3)} END AS element_equal
    FROM types y)
  SELECT c.nspname::text AS schema, c.relname::text AS relation, c.attname::text AS "column", c.relid::text,
    c.attnum, c.atttypid::text AS type, c.attcollation::text AS collation, k.equal::text, k.less::text,
    k.element::text AS "elementType", k.element_equal::text AS "elementEqual", k.range::text AS "rangeType",
    CASE WHEN k.base = 'tsvector'::regtype THEN ${defaultCollation}::oid ELSE c.attcollation END::text AS "elementCollation"
  FROM columns c JOIN known k ON k.type = c.atttypid`

/**
 * Gives the shadow's columns the statistics that ANALYZE found in the source's, as superuser. `pg_statistic` is written
 * itself, since PostgreSQL has functions for it only from 18 on, and the shadow is of the source's version.
 *
 * @returns what it could not take: the rest is in place
 */
export async function restoreColumnStatistics(
  client: ClientBase,
  states: readonly ColumnState[],
): Promise<NotRestored[]> {
  const { rows } = await client.query<Column>(columnsOfShadow)
  const known = new Map(rows.map((column) => [keyOf(column), column]))
  const notRestored: NotRestored[] = []
  const lines: { state: ColumnState; line: object }[] = []
  for (const state of states) {
    const column = known.get(keyOf(state))
    if (column) lines.push({ state, line: lineOf(column, state) })
    else notRestored.push({ ...nameOf(state), reason: 'the shadow has no such column' })
  }
  const batchSize = 500
  for (let from = 0; from < lines.length; from += batchSize) {
    const batch = lines.slice(from, from + batchSize)
    const failure = await tryInsert(client, batch)
    if (failure === undefined) continue
    for (const one of batch) {
      const reason = await tryInsert(client, [one])
      if (reason !== undefined) notRestored.push({ ...nameOf(one.state), reason })
    }
  }
  return notRestored
}

const keyOf = ({ schema, relation, column }: Pick<Column, 'schema' | 'relation' | 'column'>): string =>
  JSON.stringify([schema, relation, column])

const nameOf = ({ schema, relation, column }: ColumnState): Omit<NotRestored, 'reason'> => ({
  schema,
  relation,
  column,
})

function lineOf(column: Column, state: ColumnState): object {
  const slots = slotsOf(column, state)
  const line: Record<string, unknown> = {
    relid: column.relid,
    attnum: column.attnum,
    inherited: state.inherited,
    nullfrac: state.nullFraction,
    width: state.width,
    distinct: state.distinct,
  }
  for (let at = 0; at < mostSlots; at += 1) {
    const slot = slots[at]
    line[`kind${at}`] = slot?.kind ?? 0
    line[`op${at}`] = slot?.operator ?? '0'
    line[`coll${at}`] = slot?.collation ?? '0'
    line[`numbers${at}`] = slot?.numbers ?? null
    line[`values${at}`] = slot?.values ?? null
    line[`type${at}`] = slot?.valuesType ?? '0'
  }
  return line
}

/** `src/include/catalog/pg_statistic_d.h`: what each kind of slot holds, and which operator belongs to it. */
function slotsOf(column: Column, state: ColumnState): Slot[] {
  const { type, collation, equal, less, elementType, elementCollation, elementEqual, rangeType } = column
  const own = { collation, valuesType: type }
  const ofElements = { operator: elementEqual, collation: elementCollation, valuesType: elementType }
  const slots: Slot[] = []
  if (state.commonValues !== null) {
    const numbers = state.commonFrequencies
    slots.push({ kind: 1, operator: equal, numbers, values: state.commonValues, ...own })
  }
  if (state.histogram !== null)
    slots.push({ kind: 2, operator: less, numbers: null, values: state.histogram, ...own })
  if (state.correlation !== null)
    slots.push({ kind: 3, operator: less, numbers: [state.correlation], values: null, ...own })
  if (state.commonElements !== null) {
    slots.push({ kind: 4, numbers: state.elementFrequencies, values: state.commonElements, ...ofElements })
  }
  if (state.elementCounts !== null)
    slots.push({ kind: 5, numbers: state.elementCounts, values: null, ...ofElements })
  if (state.rangeLengths !== null) {
    const numbers = state.rangeEmptyFraction === null ? null : [state.rangeEmptyFraction]
    const operator = float8Less
    slots.push({ kind: 6, operator, collation: '0', numbers, values: state.rangeLengths, valuesType: float8 })
  }
  if (state.rangeBounds !== null) {
    const values = state.rangeBounds
    slots.push({ kind: 7, operator: '0', collation: '0', numbers: null, values, valuesType: rangeType })
  }
  return slots.slice(0, mostSlots)
}

const each = (text: (at: number) => string): string =>
  Array.from({ length: mostSlots }, (_, at) => text(at)).join(', ')

const insert = `
  INSERT INTO pg_catalog.pg_statistic
    (starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
     ${each((at) => `stakind${at + 1}`)}, ${each((at) => `staop${at + 1}`)}, ${each((at) => `stacoll${at + 1}`)},
     ${each((at) => `stanumbers${at + 1}`)}, ${each((at) => `stavalues${at + 1}`)})
  SELECT relid, attnum, inherited, nullfrac, width, "distinct",
    ${each((at) => `kind${at}`)}, ${each((at) => `op${at}`)}, ${each((at) => `coll${at}`)},
    ${each((at) => `numbers${at}`)},
    ${each((at) => `CASE WHEN values${at} IS NOT NULL THEN pg_catalog.array_in(pg_catalog.textout(values${at}), type${at}, -1) END`)}
  FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS line (
    relid oid, attnum int2, inherited bool, nullfrac float4, width int4, "distinct" float4,
    ${each((at) => `kind${at} int2, op${at} oid, coll${at} oid, numbers${at} float4[], values${at} text, type${at} oid`)})`

/** Why PostgreSQL refused; undefined where it did not. Its message may hold a value, so only the kind of error is told. */
async function tryInsert(
  client: ClientBase,
  lines: readonly { line: object }[],
): Promise<string | undefined> {
  try {
    await client.query(insert, [JSON.stringify(lines.map(({ line }) => line))])
    return undefined
  } catch (error) {
    if (error instanceof DatabaseError) return `PostgreSQL refuses its values (${error.code ?? 'no code'})`
    throw error
  }
}

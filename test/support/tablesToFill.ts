import type { Client } from 'pg'
import type { RelationName } from '../../src/postgres/identifiers.ts'

/** A table as somebody sees it who has to make up rows for it. */
export interface TableToFill extends RelationName {
  oid: number
  columns: ColumnToFill[]
  foreignKeys: ForeignKey[]
  /** Literals in the bounds of its partitions, which their keys have to match. */
  bounds: string[]
}

export interface ColumnToFill {
  name: string
  /** As SQL writes it, with its modifier: `character varying(20)`. */
  type: string
  shape: ValueShape
  isRequired: boolean
  hasDefault: boolean
  /** The only column of the primary key, or one that the server numbers. */
  isKey: boolean
  /** No two rows may have the same. */
  isUnique: boolean
  /** Literals in the CHECK constraints of the column and of its domain. */
  checkedAgainst: string[]
}

/** What the type holds, below domains. */
export type ValueShape =
  { kind: 'scalar'; name: string } | { kind: 'enum'; labels: string[] } | { kind: 'array'; of: ValueShape }

export interface ForeignKey {
  columns: string[]
  references: number
  referenced: string[]
}

/** Every table with rows of its own outside of the server's schemas and of extensions, by schema and name. */
export async function listTablesToFill(client: Client): Promise<TableToFill[]> {
  const types = await readTypes(client)
  const { rows: tables } = await client.query<{ oid: number; schema: string; name: string; bounds: string }>(
    `SELECT c.oid::int, n.nspname AS schema, c.relname AS name,
       coalesce((SELECT string_agg(pg_get_expr(l.relpartbound, l.oid), ' ') FROM pg_partition_tree(c.oid) p
         JOIN pg_class l ON l.oid = p.relid WHERE p.parentrelid IS NOT NULL), '') AS bounds
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'hundredfold')
       AND NOT EXISTS (SELECT FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
  )
  const { rows: columns } = await client.query<ColumnRow>(
    `SELECT a.attrelid::int AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.atttypid::int AS "typeOid", a.attnotnull AS "isRequired", a.atthasdef AS "hasDefault",
       a.attidentity <> '' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary
         AND i.indnatts = 1 AND i.indkey[0] = a.attnum) AS "isKey",
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indpred IS NULL
         AND i.indnatts = 1 AND i.indkey[0] = a.attnum) AS "isUnique",
       coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
         WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)), '') AS checks
     FROM pg_attribute a
     WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     ORDER BY a.attrelid, a.attnum`,
    [tables.map(({ oid }) => oid)],
  )
  const { rows: keys } = await client.query<ForeignKey & { table: number }>(
    `SELECT k.conrelid::int AS "table", k.confrelid::int AS "references",
       (SELECT array_agg(a.attname::text ORDER BY u.at) FROM unnest(k.conkey) WITH ORDINALITY u (number, at)
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number) AS columns,
       (SELECT array_agg(a.attname::text ORDER BY u.at) FROM unnest(k.confkey) WITH ORDINALITY u (number, at)
         JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number) AS referenced
     FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.conrelid, k.conname`,
  )
  return tables.map(({ oid, schema, name, bounds }) => ({
    oid,
    schema,
    name,
    columns: columns.filter(({ table }) => table === oid).map((row) => asColumn(row, types)),
    foreignKeys: keys.filter(({ table }) => table === oid),
    bounds: literalsIn(bounds),
  }))
}

/** `status = ANY (ARRAY['new'::text, 'done'::text])` -> `new`, `done`. */
export function literalsIn(text: string): string[] {
  return Array.from(text.matchAll(/'((?:[^']|'')*)'/g), ([, literal = '']) => literal.replaceAll("''", "'"))
}

interface ColumnRow extends Omit<ColumnToFill, 'shape' | 'checkedAgainst'> {
  table: number
  typeOid: number
  checks: string
}

interface TypeRow {
  oid: number
  name: string
  kind: string
  base: number
  element: number
  category: string
  isRequired: boolean
  labels: string[]
  checks: string
}

async function readTypes(client: Client): Promise<Map<number, TypeRow>> {
  const { rows } = await client.query<TypeRow>(
    `SELECT t.oid::int, t.typname AS name, t.typtype AS kind, t.typbasetype::int AS base, t.typelem::int AS element,
       t.typcategory AS category, t.typnotnull AS "isRequired",
       coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e
         WHERE e.enumtypid = t.oid), '{}') AS labels,
       coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
         WHERE k.contypid = t.oid), '') AS checks
     FROM pg_type t`,
  )
  return new Map(rows.map((row) => [row.oid, row]))
}

function asColumn(row: ColumnRow, types: Map<number, TypeRow>): ColumnToFill {
  const { name, type, isRequired, hasDefault, isKey, isUnique, checks } = row
  let oid = row.typeOid
  let checksOfDomains = ''
  let refusesNull = false
  for (let at = types.get(oid); at?.kind === 'd'; at = types.get(oid)) {
    checksOfDomains += ` ${at.checks}`
    refusesNull ||= at.isRequired
    oid = at.base
  }
  return {
    name,
    type,
    shape: shapeOf(oid, types),
    isRequired: isRequired || refusesNull,
    hasDefault,
    isKey,
    isUnique,
    checkedAgainst: literalsIn(checks + checksOfDomains),
  }
}

function shapeOf(oid: number, types: Map<number, TypeRow>): ValueShape {
  const type = types.get(oid)
  if (type?.kind === 'd') return shapeOf(type.base, types)
  if (type?.kind === 'e') return { kind: 'enum', labels: type.labels }
  if (type?.category === 'A') return { kind: 'array', of: shapeOf(type.element, types) }
  return { kind: 'scalar', name: type?.name ?? 'text' }
}

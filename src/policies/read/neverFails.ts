/** `character varying(50)` and `pg_catalog.varchar` -> `varchar`. */
export function normalType(type: string): string {
  const isArray = type.endsWith('[]')
  const base = type
    .replace(/\[\]$/, '')
    .replace(/\s*\(.*?\)/, '')
    .replace(/^pg_catalog\./, '')
  const plain = otherNames.get(base) ?? base
  return isArray ? `${plain}[]` : plain
}

const otherNames = new Map([
  ['character varying', 'varchar'],
  ['character', 'bpchar'],
  ['smallint', 'int2'],
  ['integer', 'int4'],
  ['bigint', 'int8'],
  ['boolean', 'bool'],
  ['real', 'float4'],
  ['double precision', 'float8'],
  ['timestamp with time zone', 'timestamptz'],
  ['timestamp without time zone', 'timestamp'],
])

export const texts = new Set(['text', 'varchar', 'bpchar', 'name'])
const widening = ['int2', 'int4', 'int8', 'numeric']
const times = new Set(['date', 'timestamp', 'timestamptz'])

export function isHarmlessCast(from: string, to: string): boolean {
  const [one, other] = [normalType(from), normalType(to)]
  if (one === other || one.replace(/^.*\./, '') === other.replace(/^.*\./, '')) return true
  if (one.endsWith('[]') && other.endsWith('[]')) return isHarmlessCast(one.slice(0, -2), other.slice(0, -2))
  if (texts.has(other)) return true
  if (widening.includes(one) && widening.indexOf(one) < widening.indexOf(other)) return true
  return times.has(one) && times.has(other)
}

/** Kinds of nodes that raise no error of their own. */
export const harmlessKinds = new Set([
  ...['A_ArrayExpr', 'A_Const', 'A_Indices', 'A_Indirection', 'A_Star', 'Alias', 'BoolExpr', 'BooleanTest'],
  ...[
    'CaseExpr',
    'CaseWhen',
    'CoalesceExpr',
    'CollateClause',
    'ColumnRef',
    'CommonTableExpr',
    'Float',
    'Boolean',
  ],
  ...['Integer', 'JoinExpr', 'List', 'MinMaxExpr', 'NamedArgExpr', 'NullTest', 'ParamRef', 'RangeFunction'],
  ...[
    'RangeSubselect',
    'ResTarget',
    'RowExpr',
    'SQLValueFunction',
    'SortBy',
    'String',
    'SubLink',
    'TypeName',
  ],
  ...['WithClause', 'WindowDef', 'ReturnStmt', 'RawStmt'],
])

export const totalOperators = new Set([
  ...['=', '<>', '!=', '<', '>', '<=', '>='],
  ...['->', '->>', '#>', '#>>', '?', '?|', '?&', '@>', '<@', '&&', '^@'],
])

export const patternOperators = new Set(['~~', '!~~', '~~*', '!~~*', '~', '!~', '~*', '!~*'])

export const clocks = new Set(['now', 'transaction_timestamp', 'statement_timestamp'])

export const lengths = new Set(['array_length', 'cardinality', 'length', 'char_length', 'strpos', 'position'])

export const aggregates = new Set([
  ...['count', 'min', 'max', 'sum', 'avg', 'bool_or', 'bool_and', 'every', 'array_agg', 'string_agg'],
  ...['jsonb_agg', 'json_agg'],
])

/** Functions that fail only for some patterns, fields or positions. With constant ones, no value of the other argument fails. */
export const totalWithConstants = new Set([
  ...['substring', 'regexp_replace', 'regexp_match', 'split_part', 'date_trunc', 'date_part', 'extract'],
])

/** Built-in functions that never fail, whatever their arguments. */
export const totalFunctions = new Set([
  ...clocks,
  ...[
    'count',
    'min',
    'max',
    'bool_or',
    'bool_and',
    'every',
    'array_agg',
    'jsonb_agg',
    'json_agg',
    'string_agg',
  ],
  ...['lower', 'upper', 'length', 'char_length', 'btrim', 'ltrim', 'rtrim', 'replace', 'concat', 'concat_ws'],
  ...['left', 'right', 'starts_with', 'strpos', 'position', 'reverse', 'initcap', 'md5', 'string_to_array'],
  ...[
    'array_length',
    'cardinality',
    'array_position',
    'array_to_string',
    'unnest',
    'jsonb_typeof',
    'json_typeof',
  ],
  ...[
    'jsonb_exists',
    'jsonb_exists_any',
    'jsonb_exists_all',
    'jsonb_extract_path',
    'jsonb_extract_path_text',
  ],
  ...['json_extract_path', 'json_extract_path_text', 'to_jsonb'],
  ...['current_database', 'current_schema', 'session_user', 'current_user', 'pg_backend_pid'],
])

import type { BuiltinFunction } from '../../../catalog/functions.ts'

/** Built-in functions whose names begin like those that show the state of the system, and that do not. */
const plain = new Set(['pg_has_role', 'pg_typeof', 'pg_get_userbyid', 'pg_trigger_depth'])

/**
 * Why a built-in function may answer differently within one statement, as a phrase after its name. The declaration is not
 * enough: some STABLE functions show transactions, statistics or whole tables, which a command changes as it runs.
 */
export function whyUnsteady(name: string, builtin: BuiltinFunction): string | undefined {
  if (builtin.volatility === 'volatile') return 'which is VOLATILE by nature'
  if (builtin.volatility === 'immutable' || plain.has(name)) return undefined
  if (/^(pg_|txid_|binary_upgrade_)/.test(name)) return 'which shows the state of the system'
  if (/_to_xml/.test(name)) return 'which reads whatever its arguments name'
  return undefined
}

/** VOLATILE functions of pg_catalog that run a query which they are given as text. */
export const runsText = new Set([
  ...['query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema', 'cursor_to_xml'],
  ...['cursor_to_xmlschema', 'ts_stat', 'ts_rewrite'],
])

/** Functions of extensions in C that are VOLATILE and yet change no row: they make up values. */
export const makesValues = new Set([
  ...['uuid_generate_v1', 'uuid_generate_v1mc', 'uuid_generate_v4', 'pg_random_uuid', 'pg_random_bytes'],
  ...['pg_gen_salt', 'pg_gen_salt_rounds', 'moddatetime'],
])

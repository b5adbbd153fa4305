import type { BuiltinFunction, Volatility } from '../../catalog/functions.ts'
import { listBuiltinFunctions } from '../../catalog/functions.ts'
import { listOpenOperators, listOperators } from '../../catalog/operators.ts'
import type { Read } from '../../catalog/reader.ts'
import { listTypesWithCode } from '../../catalog/types.ts'
import type { Database } from '../../postgres/database.ts'

/** Properties of the functions, operators and casts that expressions may use. */
export interface Functions {
  /** Functions of pg_catalog by name. */
  builtin: Map<string, BuiltinFunction>
  /** The volatility of operators that are VOLATILE or live outside of pg_catalog, by `schema.name`. */
  operators: Map<string, Volatility>
  /** Names of operators outside of pg_catalog for types of pg_catalog: search_path decides which one is meant. */
  openOperators: Set<string>
  /** Types, as `format_type` prints them, whose casts may run user-defined code for each value. */
  typesWithCode: Set<string>
}

/** Properties of the server's own functions, of operators and of casts. */
export async function readFunctions(_: Database, read: Read): Promise<Functions> {
  return {
    builtin: await read(listBuiltinFunctions),
    operators: await read(listOperators),
    openOperators: await read(listOpenOperators),
    typesWithCode: await read(listTypesWithCode),
  }
}

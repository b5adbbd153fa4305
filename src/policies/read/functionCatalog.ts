import type { BuiltinFunction, Volatility } from '../../catalog/functions.ts'
import { listBuiltinFunctions } from '../../catalog/functions.ts'
import { listOpenOperators, listOperators } from '../../catalog/operators.ts'
import type { Read } from '../../catalog/reader.ts'
import { listTypesWithCode } from '../../catalog/types.ts'
import type { Database } from '../../postgres/database.ts'

/** What the functions, operators and casts of expressions are. */
export interface Functions {
  /** Functions of pg_catalog by name. */
  builtin: Map<string, BuiltinFunction>
  /** Operators whose function is VOLATILE or that live outside of pg_catalog: name -> volatility, by `schema.name`. */
  operators: Map<string, Volatility>
  /** Names of operators outside of pg_catalog for types of pg_catalog: which one is meant hangs on search_path. */
  openOperators: Set<string>
  /** Types, as `format_type` prints them, a cast to which may run code of the database's owner for each value. */
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

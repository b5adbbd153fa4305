import type { Read } from '../../catalog/reader.ts'
import { readOnce } from '../../catalog/reader.ts'
import type { Database } from '../../postgres/database.ts'

const steady = new WeakMap<Database, Read>()

/** Reads what does not change while one condition is checked, or in one run of `optimize`. */
export function shared(db: Database): Read {
  const known = steady.get(db) ?? readOnce(db)
  steady.set(db, known)
  return known
}

import type { Database } from '../postgres/database.ts'

/** Reads one kind of object. What it needs of other kinds it takes from `read`, which asks for each kind once. */
export type Reader<T> = (db: Database, read: Read) => Promise<T>

export type Read = <T>(reader: Reader<T>) => Promise<T>

/** What has been read, or is being read, by its reader. */
export type Results = Map<unknown, Promise<unknown>>

/** Reads each kind once, however many ask for it; a reader that failed fails for each of them. */
export function readOnce(db: Database, results: Results = new Map()): Read {
  const read: Read = <T>(reader: Reader<T>): Promise<T> => {
    const known = results.get(reader) as Promise<T> | undefined
    if (known) return known
    const result = reader(db, read)
    results.set(reader, result)
    return result
  }
  return read
}

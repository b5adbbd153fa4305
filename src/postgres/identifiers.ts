import { escapeIdentifier } from 'pg'

/** A relation (table, view, index, sequence ...) by schema and name, unquoted. */
export interface RelationName {
  schema: string
  name: string
}

/** PostgreSQL cuts identifiers at this many bytes. */
export const maxIdentifierBytes = 63

/** `my table` -> `"my table"`; always quoted, so any name is safe in SQL. */
export function quote(identifier: string): string {
  return escapeIdentifier(identifier)
}

/** `{ schema: 'public', name: 'a b' }` -> `"public"."a b"`, for SQL. */
export function qualified({ schema, name }: RelationName): string {
  return `${quote(schema)}.${quote(name)}`
}

/** `{ schema: 'public', name: 'a b' }` -> `public."a b"`, for people: quoted only where PostgreSQL would. */
export function display({ schema, name }: RelationName): string {
  return `${displayIdentifier(schema)}.${displayIdentifier(name)}`
}

const identifier = /\s*(?:"((?:[^"]|"")+)"|([\p{L}_][\p{L}\p{N}_$]*))\s*(\.|$)/uy

/**
 * The parts of a name as a person writes it in SQL: `"Shop data".Orders` -> `Shop data`, `orders`. Empty where the text is
 * no name.
 */
export function identifiersIn(text: string): string[] {
  const parts: string[] = []
  identifier.lastIndex = 0
  for (;;) {
    const match = identifier.exec(text)
    if (!match) return []
    const [, quoted, plain = '', end] = match
    parts.push(quoted?.replaceAll('""', '"') ?? plain.toLowerCase())
    if (end === '') return parts
  }
}

/** Quoted only where a person would have to quote it too. */
export function displayIdentifier(identifier: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(identifier) ? identifier : quote(identifier)
}

/**
 * Shortens `name` so that `name + suffix` fits PostgreSQL's limit, on a character boundary.
 * Bytes count, not characters: `ü` takes two.
 */
export function fitIdentifier(name: string, suffix = ''): string {
  let base = name
  while (Buffer.byteLength(base + suffix) > maxIdentifierBytes) base = Array.from(base).slice(0, -1).join('')
  return base + suffix
}

/** The first free name of `name_idx`, `name_idx1`, `name_idx2` ..., cut to fit. It is added to `taken`. */
export function claimIdentifier(name: string, suffix: string, taken: Set<string>): string {
  for (let number = 0; ; number += 1) {
    const free = fitIdentifier(name, number === 0 ? suffix : `${suffix}${number}`)
    if (taken.has(free)) continue
    taken.add(free)
    return free
  }
}

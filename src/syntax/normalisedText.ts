import { sqlTokens } from '../postgres/sqlTokens.ts'

const typedLiteral =
  /\b(interval|date|timestamptz|timestamp(?: with(?:out)? time zone)?|timetz|time(?: with(?:out)? time zone)?|uuid|inet|numeric)\s+\$(\d+)/gi

/**
 * The SQL that pg_stat_statements means: a typed literal and the field of EXTRACT become a parameter there that no
 * parser takes.
 *
 * ```sql
 * WHERE made > now() - interval $1        ->  WHERE made > now() - $1::interval
 * extract($2 FROM made)                   ->  pg_catalog.extract($2, made)
 * ```
 */
export function parsableText(text: string): string {
  return text
    .replace(typedLiteral, '$$$2::$1')
    .replace(/\bextract\s*\(\s*\$(\d+)\s+from\b/gi, 'pg_catalog.extract($$$1,')
}

/**
 * The beginning of a statement on one line, without comments, and with `?` for every literal: the text of a statement may
 * hold values where pg_stat_statements had no room to normalise it.
 */
export function shortForm(text: string, longest = 60): string {
  let line = ''
  for (const token of sqlTokens(text)) {
    if (/^(?:--|\/\*)/.test(token)) continue
    line += /^(?:[eE]?'|\$[^\d]*\$|\d)/.test(token) ? '?' : token
    // White space takes no room once it is one blank.
    if (line.length > 4 * longest) break
  }
  const short = line.replaceAll(/\s+/g, ' ').trim()
  return short.length > longest ? `${short.slice(0, longest - 1)}…` : short
}

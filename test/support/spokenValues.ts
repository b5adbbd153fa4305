import type { Client } from 'pg'
import { literalsIn } from './tablesToFill.ts'

/** What policies and functions compare columns and claims with, so that made-up rows can hold it. */
export interface SpokenValues {
  /** Literals by the name of the column, variable or claim that they are compared with. */
  byName: ReadonlyMap<string, string[]>
  /** Keys that are read out of JSON, claims among them. */
  jsonKeys: string[]
  /** Settings that are read by `current_setting`. */
  settings: string[]
  /** Short literals of the policies, whatever they are compared with. */
  words: string[]
}

/**
 * Reads the texts of the database's policies and of its own functions. A search in text, and not in trees: bodies
 * may be in any language, and a value too many does no harm.
 */
export async function readSpokenValues(client: Client): Promise<SpokenValues> {
  const { rows: policies } = await client.query<{ text: string }>(
    `SELECT concat_ws(' ; ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) AS text
     FROM pg_policy ORDER BY oid`,
  )
  const { rows: functions } = await client.query<{ text: string }>(
    `SELECT coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'hundredfold')
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY p.oid`,
  )
  const byName = new Map<string, Set<string>>()
  const jsonKeys = new Set<string>()
  const settings = new Set<string>()
  const words = new Set<string>()
  for (const { text } of [...policies, ...functions]) {
    const plain = withoutCastsAndParentheses(text)
    for (const [, name = '', list = ''] of plain.matchAll(comparison)) {
      note(byName, name.replaceAll("'", ''), literalsIn(list))
    }
    for (const [, literal = '', name = ''] of plain.matchAll(turnedRound)) note(byName, name, [literal])
    for (const [, key = ''] of plain.matchAll(/->>?\s*'(\w+)'/g)) jsonKeys.add(key)
    for (const [, name = ''] of plain.matchAll(/current_setting\s*'([\w.]+)'/gi)) settings.add(name)
  }
  for (const { text } of policies) {
    for (const literal of literalsIn(text)) if (/^[\w:-]{2,24}$/.test(literal)) words.add(literal)
  }
  return {
    byName: new Map(Array.from(byName, ([name, values]) => [name, [...values]])),
    jsonKeys: [...jsonKeys],
    settings: [...settings],
    words: [...words],
  }
}

/** `role = 'owner', 'admin'`, and `->> 'role' = 'admin'`. */
const comparison = /([A-Za-z_]\w*|'\w+')\s*(?:=|<>|!=|\bin\b|~~|\blike\b)\s*((?:'(?:[^']|'')*'\s*,?\s*)+)/gi
const turnedRound = /'([^']*)'\s*=\s*(?:[A-Za-z_]\w*\.)?([A-Za-z_]\w*)/g

function withoutCastsAndParentheses(text: string): string {
  return text
    .replaceAll(/::\s*(?:"[^"]+"|[\w.]+)(?:\s*\[\])?(?:\s+varying)?/g, '')
    .replaceAll(/\b(?:ANY|ARRAY)\b/gi, '')
    .replaceAll(/[()[\]]/g, ' ')
}

function note(byName: Map<string, Set<string>>, name: string, values: string[]): void {
  const known = byName.get(name) ?? new Set()
  byName.set(name, known)
  for (const value of values) if (value.length <= 40) known.add(value)
}

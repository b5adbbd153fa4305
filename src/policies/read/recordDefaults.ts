import { sqlTokens } from '../../postgres/sqlTokens.ts'

/** Tokens after which a declaration or statement may begin. */
const ends = new Set([';', 'declare', 'begin', 'then', 'else', 'loop', '>'])

/**
 * The expressions that a PL/pgSQL body gives its record variables when it declares them. The parser leaves them out.
 *
 * `DECLARE m public.members := public.first_member();` -> `public.first_member()`
 *
 * @param records the names of the record variables, as the parser knows them
 */
export function recordDefaults(source: string, records: ReadonlySet<string>): string[] {
  const all = [...sqlTokens(source)]
  const tokens = all.flatMap((text, at) => (/^(\s|--|\/\*)/.test(text) ? [] : [{ text, at }]))
  const word = (place: number): string => (tokens[place]?.text ?? ';').toLowerCase()
  const expressions: string[] = []
  for (const [place, { text }] of tokens.entries()) {
    if (!records.has(nameIn(text)) || !ends.has(word(place - 1))) continue
    // `m := ...` and `m.a := ...` are assignments, which the parser shows.
    if ([':', '=', '.', '['].includes(word(place + 1))) continue
    let sign = place + 1
    while (![';', '=', 'default'].includes(word(sign))) sign += 1
    if (word(sign) === ';') continue
    let end = sign + 1
    while (word(end) !== ';') end += 1
    expressions.push(all.slice((tokens[sign]?.at ?? 0) + 1, tokens[end]?.at ?? all.length).join(''))
  }
  return expressions
}

/** `"My row"` -> `My row`, `M` -> `m` */
function nameIn(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token.toLowerCase()
}

import { display } from '../postgres/identifiers.ts'
import type { DecidedIndex, Decision } from './decision.ts'
import { displayCandidate, nameOf } from './decision.ts'

/** What a person asked about: an index of the decision, or one about which there is nothing to decide. */
export type NamedIndex =
  | { kind: 'option'; of: DecidedIndex }
  | { kind: 'fixed'; of: Decision['fixed'][number] }
  | { kind: 'refused'; of: Decision['refused'][number] }

/**
 * Finds an index by its name, with or without its schema, or by its definition, as it is printed or in full.
 *
 * `orders_note_idx`, `public.orders (customer, made)`, `CREATE INDEX ON public.orders USING btree (customer, made)`
 */
export function findNamed(decision: Decision, text: string): NamedIndex | undefined {
  const wanted = normalised(text)
  return namesIn(decision).find(({ names }) => names.includes(wanted))?.named
}

/** Names that look most like the text, the likest first. */
export function likeNames(decision: Decision, text: string, most = 3): string[] {
  const wanted = triplesOf(normalised(text))
  return namesIn(decision)
    .map(({ shown, names }) => ({
      shown,
      likeness: Math.max(...names.map((name) => likeness(wanted, triplesOf(name)))),
    }))
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, most)
    .map(({ shown }) => shown)
}

function namesIn(decision: Decision): { named: NamedIndex; shown: string; names: string[] }[] {
  const entry = (named: NamedIndex, shown: string, others: string[]) => {
    const full = [shown, ...others].map(normalised)
    // A schema may be left out.
    return { named, shown, names: [...full, ...full.map((name) => name.replace(/^[^.( ]+\./, ''))] }
  }
  return [
    ...decision.indexes.map((of) => {
      const others = of.candidate ? [] : [of.index.definition]
      return entry({ kind: 'option', of }, nameOf(of), others)
    }),
    ...decision.fixed.map((of) => entry({ kind: 'fixed', of }, display(of), [])),
    ...decision.refused.map((of) => entry({ kind: 'refused', of }, displayCandidate(of.candidate), [])),
  ]
}

/** `CREATE INDEX a ON "public"."b" USING btree (c) WHERE (d = 1)` -> `public.b (c) where d = 1` */
function normalised(text: string): string {
  const bare = text
    .trim()
    .replace(/\s*;$/, '')
    .replace(/^create\s+(?:unique\s+)?index\s+.*?\bon\s+/is, '')
    .replace(/^on\s+/i, '')
    .replace(/\s+using\s+btree\b/i, '')
    .replace(/"([a-z_][a-z0-9_$]*)"/g, '$1')
    .replace(/\s+/g, ' ')
    .replace(/(?<=\w|")\(/, ' (')
    .toLowerCase()
  const [, before, predicate] = /^(.* where )\((.*)\)$/.exec(bare) ?? []
  return before !== undefined && predicate !== undefined && isBalanced(predicate) ? before + predicate : bare
}

function isBalanced(text: string): boolean {
  let depth = 0
  for (const character of text) {
    if (character === '(') depth += 1
    if (character === ')') depth -= 1
    if (depth < 0) return false
  }
  return depth === 0
}

function triplesOf(text: string): Set<string> {
  const padded = `  ${text} `
  return new Set(Array.from({ length: padded.length - 2 }, (_, at) => padded.slice(at, at + 3)))
}

/** Share of the triples that both have. */
function likeness(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const both = [...one].filter((triple) => other.has(triple)).length
  return both / (one.size + other.size - both)
}

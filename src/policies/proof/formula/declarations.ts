import type { Term } from './terms.ts'
import { apply } from './terms.ts'
import { quoted } from './types.ts'

/** The symbols that formulas use, and what is known of them. */
export class Declarations {
  readonly #sorts = new Set<string>()
  readonly #functions = new Map<string, { from: string[]; to: string }>()
  readonly #literals = new Map<string, Set<Term>>()
  readonly #facts = new Set<Term>()

  /** The application of an uninterpreted function that is named by everything that decides its value. */
  apply(name: string, args: { sort: string; value: Term }[], sort: string): Term {
    const from = args.map((each) => each.sort)
    // One name for one signature.
    const symbol = quoted(
      [name, ...from.map((each) => each.replaceAll('|', '')), sort.replaceAll('|', '')].join(' ; '),
    )
    for (const each of [...from, sort]) this.sort(each)
    this.#functions.set(symbol, { from, to: sort })
    return apply(
      symbol,
      args.map(({ value }) => value),
    )
  }

  /** Uses a sort. */
  sort(sort: string): void {
    if (!['Bool', 'Int', 'Real'].includes(sort)) this.#sorts.add(sort)
  }

  /** A constant that differs from every other one of its kind. */
  distinct(kind: string, text: string, sort: string): Term {
    const constant = this.apply(`${kind} ${text}`, [], sort)
    const known = this.#literals.get(kind) ?? new Set<Term>()
    this.#literals.set(kind, known.add(constant))
    return constant
  }

  /** States what holds in every database. */
  fact(term: Term): void {
    if (term !== 'true') this.#facts.add(term)
  }

  /** The declarations and facts as SMT-LIB. */
  toLines(): string[] {
    return [
      ...Array.from(this.#sorts, (sort) => `(declare-sort ${sort} 0)`),
      ...Array.from(
        this.#functions,
        ([symbol, { from, to }]) => `(declare-fun ${symbol} (${from.join(' ')}) ${to})`,
      ),
      ...Array.from(this.#literals.values())
        .filter(({ size }) => size > 1)
        .map((constants) => `(assert (distinct ${[...constants].join(' ')}))`),
      ...Array.from(this.#facts, (fact) => `(assert ${fact})`),
    ]
  }
}

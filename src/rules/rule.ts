import type { Read } from '../catalog/reader.ts'
import { readOnce } from '../catalog/reader.ts'
import type { Database } from '../db/database.ts'
import { displayIdentifier } from '../db/identifiers.ts'
import type { Draft } from '../drafts/draft.ts'
import type { RuleName } from './ruleNames.ts'

/** The least grave first. */
export const levels = ['info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]

/** One figure that a finding rests on, and how it was come by. */
export interface Fact {
  /** `rows`, `scans`, `expression` ... */
  name: string
  value: string | number | boolean | null
  unit?: string
  kind: 'measured' | 'estimated'
}

/** What to do about a finding. */
export type Remedy =
  | { kind: 'migration'; title: string; draft: Draft }
  /** Exact steps for a person, where the cure is no change of schema or settings. */
  | { kind: 'runbook'; title: string; steps: string[] }
  /** Nothing that we would do: `title` says why. */
  | { kind: 'none'; title: string }

/** One place where a rule is broken. */
export interface Finding {
  rule: RuleName
  level: Level
  /** `[schema, object, part ...]`, unquoted: `['public', 'bookings', 'Users can view their bookings']`. */
  subject: string[]
  /** A sentence for people: what is wrong here. */
  detail: string
  evidence: Fact[]
  remedy: Remedy
  /**
   * Why it is only `info`, in words that many findings of the rule share: `on tables of at most 128 kB`. These are told
   * together, in one line.
   */
  infoBecause?: string
}

/** Stays the same from one report to the next: `duplicate_index public.bookings.a_idx`. */
export function keyOf({ rule, subject }: Pick<Finding, 'rule' | 'subject'>): string {
  return `${rule} ${subject.map(displayIdentifier).join('.')}`
}

/** What a rule is given: one database, in one read-only snapshot with an empty `search_path`. */
export interface RuleContext {
  db: Database
  /** What a reader reads, read once however many rules ask. */
  read: Read
  /** Only findings about objects of these schemas are wanted; all user schemas where it is absent. */
  schemas?: string[]
  /** Only cures of these rules are wanted, so that a migration for several rules holds no other; all where absent. */
  rules?: RuleName[]
}

/**
 * A rule throws it where the role that looks, the server or its statistics do not show what the rule needs.
 * The report then says "skipped" with the reason, never "passed"; what could be seen all the same is in `seen`.
 */
export class CannotSee extends Error {
  /** A sentence: what is hidden, and what would show it. */
  readonly reason: string
  /** Findings that hold although not everything was seen. */
  readonly seen: Finding[]

  constructor(reason: string, seen: Finding[] = []) {
    super(reason)
    this.name = 'CannotSee'
    this.reason = reason
    this.seen = seen
  }
}

/** One self-contained check of a database. */
export interface Rule {
  name: RuleName
  /** For the table in docs/rules.md: what it finds, in half a sentence. */
  finds: string
  /** For the table in docs/rules.md: what cures it, in half a sentence. */
  cure: string
  /** @throws CannotSee where the rule cannot be answered, or not for everything */
  find(context: RuleContext): Promise<Finding[]>
}

/** A context on a session that is in a read-only snapshot already. */
export function ruleContext(db: Database, schemas?: string[], rules?: RuleName[]): RuleContext {
  return {
    db,
    read: readOnce(db),
    ...(schemas === undefined ? {} : { schemas }),
    ...(rules === undefined ? {} : { rules }),
  }
}

import { NotSeen } from '../catalog/notSeen.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import type { Operation } from '../operations/operation.ts'
import type { RuleName } from './ruleNames.ts'

/** The least severe first. */
export const levels = ['info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]

export function isAtLeast(level: Level, least: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf(least)
}

/** One figure that supports a finding, and how it was measured. */
export interface Fact {
  /** `rows`, `scans`, `expression` ... */
  name: string
  value: string | number | boolean | null
  unit?: string
  kind: 'measured' | 'estimated'
}

/** What to do about a finding. */
export type Remedy =
  | { kind: 'migration'; title: string; operation: Operation }
  /** Exact steps for a person, where the cure is no change of schema or settings. */
  | { kind: 'runbook'; title: string; steps: string[] }
  /** Nothing that we would do: `title` says why. */
  | { kind: 'none'; title: string }

/** One place where a rule is broken, as the rule tells it: `findAll` adds which rule it was. */
export interface Violation {
  level: Level
  /** `[schema, object, part ...]`, unquoted: `['public', 'bookings', 'Users can view their bookings']`. */
  subject: string[]
  /** A sentence for people: what is wrong here. */
  detail: string
  evidence: Fact[]
  remedy: Remedy
  /**
   * Why it is only `info`, in words that many findings of the rule share: `on tables of at most 128 kB`. These are
   * reported together, in one line.
   */
  infoBecause?: string
}

/** One place where a rule is broken. */
export interface Finding extends Violation {
  rule: RuleName
}

/** Stays the same from one report to the next: `duplicate_index public.bookings.a_idx`. */
export function keyOf({ rule, subject }: Pick<Finding, 'rule' | 'subject'>): string {
  return `${rule} ${subject.map(displayIdentifier).join('.')}`
}

/**
 * A rule throws it if the current role, the server or its statistics do not show what the rule needs. The report then
 * says "skipped" with the reason, never "passed"; `seen` holds the findings that were made nevertheless.
 */
export class CannotSee extends NotSeen {
  /** Findings that hold although not everything was seen. */
  readonly seen: Violation[]

  /** @param reason a sentence: what is hidden, and what would show it */
  constructor(reason: string, seen: Violation[] = []) {
    super(reason)
    this.name = 'CannotSee'
    this.seen = seen
  }
}

/** One self-contained check of a database. */
export interface Rule {
  name: RuleName
  /** For the table in docs/rules.md: what it finds, in half a sentence. */
  finds: string
  /** For the table in docs/rules.md: what fixes it, in half a sentence. */
  cure: string
  /** @throws CannotSee if the rule could not check everything */
  find(snapshot: Snapshot): Promise<Violation[]>
}

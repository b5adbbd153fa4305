import type { Identity } from '../../support/effects.ts'

/** Where the predicate stands in a policy: alone, or behind something that decides most rows before it is asked. */
export const forms = {
  plain: (predicate: string) => predicate,
  and: (predicate: string) => `owner_id = auth.uid() AND ${predicate}`,
  or: (predicate: string) => `is_public OR ${predicate}`,
  case: (predicate: string) => `CASE WHEN is_public THEN ${predicate} ELSE owner_id = auth.uid() END`,
  coalesce: (predicate: string) => `coalesce(is_public, ${predicate})`,
} as const

export type Form = keyof typeof forms

/**
 * One body of a function, or one sub-select, that a policy asks. In all SQL `c_` stands for the case's name, so that
 * no two cases share an object, and `r_` for roles of this run.
 */
export interface BodyCase {
  name: string
  /** Functions and tables, made by the role that owns the database; `c_docs` is there already. */
  setup?: string
  /** What only a superuser may do; runs after `setup`. */
  superuser?: string
  /** Rows for the case's own tables, inserted by a superuser. */
  rows?: string
  /** Changes to the rows of `c_docs`, made by a superuser. */
  documents?: string
  /** What the policies of `c_docs` ask. */
  predicate: string
  /** One policy of this form for all commands, instead of one of each form for each command. */
  only?: Form
  /** The planner is told of thousands of documents, so that a correlated sub-select is worth turning. */
  isLarge?: true
  /** It is harmless, so a tool that leaves it alone is too timid. */
  mustRewrite?: true
  /**
   * A usual caller of whom a function without parameters cannot say who it is, as `auth.uid()` cannot of a token without
   * a uuid: that error may be met before a row is refused.
   */
  unreadable?: string
  /** Callers beside the usual ones. */
  identities?: Record<string, Identity>
}

/** Cases that share a database, since none disturbs another one. */
export interface BodyGroup {
  name: string
  /** Runs once, before the cases, as superuser. */
  superuser?: string
  cases: BodyCase[]
}

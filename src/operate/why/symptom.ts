import type { Database } from '../../postgres/database.ts'

/** What was found out about a symptom. */
export interface Answer {
  /** What is the case in this database, a sentence each. */
  here: string[]
  /** What to do, the first thing first: commands to type, or SQL. */
  commands: string[]
}

/** A symptom or an error that we know. */
export interface Symptom {
  id: string
  /** What it is, in one sentence. */
  means: string
  /** The text of the error, of PostgreSQL and of poolers. */
  patterns: RegExp[]
  /**
   * Looks at the database.
   *
   * @param text what was asked about; errors name objects
   */
  look(db: Database, text: string): Promise<Answer>
  /** What helps where the database cannot be reached. */
  otherwise: string[]
}

import type { Read } from '../catalog/reader.ts'
import type { Database } from '../postgres/database.ts'

/** What was found out about a symptom. */
export interface Answer {
  /** What is the case in this database, a sentence each. */
  here: string[]
  /** What to do, the first thing first: commands to type, or SQL. */
  commands: string[]
  /** Nothing of it can be seen at this moment; the commands are for whoever asked. */
  notSeen?: true
}

/** Where a symptom is looked for: one snapshot that cannot write. */
export interface Place {
  db: Database
  /** What others have read in the same snapshot is not read again. */
  read: Read
  /** Whether objects of the schema are asked about. */
  wants(schema: string): boolean
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
  look(place: Place, text: string): Promise<Answer>
  /** What helps where the database cannot be reached. */
  otherwise: string[]
}

import type { ToolName } from '../project/tool.ts'
import { toolNames } from '../project/tool.ts'
import type { ExportedMigration } from './exported.ts'

/** The tools of `--format`, and plain SQL. node-pg-migrate runs our own files. */
export type FormatName = Exclude<ToolName, 'node-pg-migrate'> | 'sql'

export const formatNames: readonly FormatName[] = [
  ...toolNames.filter((name) => name !== 'node-pg-migrate'),
  'sql',
]

/** A migration tool's own layout. Each is one file of this folder. */
export interface ExportFormat {
  name: FormatName
  /** Where the tool looks for its files, as its documentation has it. */
  out: string
  /** The folder inside `out` with what changes the schema, where not all of it does. */
  scripts?: string
  /** What applies the files. */
  next: string
  /** What the tool has to be told, if a migration runs outside a transaction. */
  outsideTransaction?: string
  /** Why the tool would not read this statement as PostgreSQL does; undefined where it does. */
  misreads?(statement: string): string | undefined
  /** Looks at what is there, so that names, numbers and hashes continue it. */
  open(out: string, now: Date): Promise<Layout>
}

/** A project of one tool, to which migrations are added in order. */
export interface Layout {
  /** The files of the next migration. */
  add(migration: ExportedMigration): Added
}

export interface Added {
  /** How the tool calls the migration, of the first file where there are several. */
  name: string
  files: ExportFile[]
}

export interface ExportFile {
  path: string
  text: string
  /** A file that is there may be replaced: a journal or plan that continues its older text. */
  replaces?: true
}

import type { ExportedMigration } from '../exported.ts'
import type { FormatName } from '../format.ts'
import { drizzleLines } from './drizzleLines.ts'
import { editPrismaSchemas } from './prismaSchema.ts'
import { editSupabaseSchemas } from './supabaseSchemas.ts'

/** What has to change where the project declares its schema, so that the tool's next diff does not drop our indexes. */
export interface SchemaChanges {
  edits: SchemaEdit[]
  /** What a person has to write, where it cannot be done safely. */
  byHand: string[]
}

/** A file with lines put in and taken out. */
export interface SchemaEdit {
  path: string
  text: string
  /** The same for a reader: `+ line` and `- line`. */
  diff: string[]
}

/**
 * @param out the tool's directory of migrations; the schema is declared beside it
 * @throws UsageError where the schema's file does not parse
 */
export async function schemaChanges(
  format: FormatName,
  out: string,
  migrations: ExportedMigration[],
): Promise<SchemaChanges> {
  const changes = migrations.flatMap(({ indexes }) => indexes)
  if (changes.length === 0) return { edits: [], byHand: [] }
  switch (format) {
    case 'prisma':
      return editPrismaSchemas(out, changes)
    case 'supabase':
      return editSupabaseSchemas(out, changes)
    case 'drizzle':
      return { edits: [], byHand: drizzleLines(changes) }
    default:
      return { edits: [], byHand: [] }
  }
}

import type { SchemaChanges } from '../export/source/schemaSource.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { Terminal } from './terminal.ts'

/**
 * Shows what has to change where the project declares its schema, and writes it if that is wanted. Returns what is left for a
 * person to write.
 */
export async function declareSchema(
  { edits, byHand }: SchemaChanges,
  terminal: Terminal,
  yes: boolean,
): Promise<string[]> {
  const left = byHand.map((line) => `  ${line}`)
  const notes: string[] = []
  for (const { path, text, diff } of edits) {
    const shown = diff.map((line) => `  ${line}`)
    if (!yes) terminal.err(`${path}\n${shown.join('\n')}\n`)
    if (yes || (await terminal.confirm(`Add these lines to ${path}?`))) {
      await writeWholeFile(path, text)
      notes.push(`changed  ${path}`, ...shown)
    } else left.push(`  ${path}`, ...shown)
  }
  if (left.length === 0) return notes
  return [...notes, 'Declare the same in your schema, or the next diff of the tool takes it back:', ...left]
}

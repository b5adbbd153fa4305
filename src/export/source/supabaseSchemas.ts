import { join } from 'node:path'
import { splitStatements } from '../../syntax/statements.ts'
import type { Statement } from '../../syntax/statements.ts'
import { UsageError, messageOf } from '../../errors.ts'
import { endOf } from '../statements.ts'
import type { CreatedIndex, IndexChange } from './indexChanges.ts'
import { indexChanges } from './indexChanges.ts'
import type { SchemaChanges, SchemaEdit } from './schemaSource.ts'
import type { SchemaFile } from './schemaFiles.ts'
import { readSchemaFiles } from './schemaFiles.ts'

/** Adds indexes to the declared schema of Supabase, `supabase/schemas/*.sql`, in the file that creates their table. */
export async function editSupabaseSchemas(out: string, changes: IndexChange[]): Promise<SchemaChanges> {
  const files = await readSchemaFiles(join(out, '..', 'schemas'), '.sql')
  if (files.length === 0) return { edits: [], byHand: [] }
  const read = await Promise.all(files.map(async (file) => ({ file, statements: await parse(file) })))
  const byHand: string[] = []
  const added = new Map<SchemaFile, CreatedIndex[]>()
  for (const change of changes) {
    if (change.kind === 'dropped') {
      const creating = read.find(({ file }) => file.text.includes(change.index.name))
      if (creating) byHand.push(`${creating.file.path}: remove the index ${change.index.name}`)
      continue
    }
    const home = read.find(({ statements }) => statements.some((statement) => creates(statement, change)))
    if (!home)
      byHand.push(`in the file that creates ${change.table.schema}.${change.table.name}: ${change.sql};`)
    else if (!hasIndex(home.statements, change))
      added.set(home.file, [...(added.get(home.file) ?? []), change])
  }
  const edits: SchemaEdit[] = []
  for (const [{ path, text }, indexes] of added) {
    const lines = indexes.map(({ sql }) => endOf(sql))
    const whole = `${await endedText(text)}\n${lines.join('\n')}\n`
    edits.push({ path, text: whole, diff: lines.map((line) => `+ ${line}`) })
  }
  return { edits, byHand }
}

/** The text with a line end, and with the semicolon of its last statement, which may be missing in a file. */
async function endedText(text: string): Promise<string> {
  const withLine = text.endsWith('\n') ? text : `${text}\n`
  const count = async (sql: string) => (await splitStatements(sql).catch(() => [])).length
  return (await count(`${withLine}SELECT 1`)) > (await count(text)) ? withLine : `${withLine};\n`
}

async function parse({ path, text }: SchemaFile): Promise<Statement[]> {
  try {
    return await splitStatements(text)
  } catch (error) {
    throw new UsageError(
      `${path} does not parse: ${messageOf(error)}`,
      'Repair the file; nothing was written.',
      {
        cause: error,
      },
    )
  }
}

function creates({ node }: Statement, { table }: CreatedIndex): boolean {
  const { relation } = (node['CreateStmt'] ?? {}) as {
    relation?: { schemaname?: string; relname?: string }
  }
  return relation?.relname === table.name && (relation.schemaname ?? 'public') === table.schema
}

function hasIndex(statements: Statement[], { name }: CreatedIndex): boolean {
  return indexChanges(statements).some((change) => change.kind === 'created' && change.name === name)
}

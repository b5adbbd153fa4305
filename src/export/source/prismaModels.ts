import { UsageError } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { SchemaFile } from './schemaFiles.ts'

/** A model of a Prisma schema, as far as its indexes need it. */
export interface PrismaModel {
  name: string
  table: RelationName
  /** Field by column. */
  fields: ReadonlyMap<string, string>
  /** Its lines that begin with `@@`. */
  attributes: string[]
  /** The line of its closing brace, counted from 0. */
  end: number
}

const heads = /^(model|view|enum|type|generator|datasource)\s+(\w+)\s*\{\s*$/

/**
 * The models of a `.prisma` file, line by line as Prisma's own formatter writes it.
 *
 * @throws UsageError with the line that is no part of such a file
 */
export function readModels({ path, text }: SchemaFile): PrismaModel[] {
  const models: PrismaModel[] = []
  let open: { kind: string; name: string; lines: string[]; start: number } | undefined
  for (const [at, whole] of text.split(/\r?\n/).entries()) {
    const line = withoutComment(whole).trim()
    if (open === undefined) {
      const [, kind, name] = heads.exec(line) ?? []
      if (kind !== undefined && name !== undefined) open = { kind, name, lines: [], start: at }
      else if (line !== '') throw unreadable(path, at, line)
    } else if (line === '}') {
      if (open.kind === 'model') models.push(modelOf(open.name, open.lines, at))
      open = undefined
    } else if (heads.test(line)) throw unreadable(path, at, line)
    else open.lines.push(line)
  }
  if (open) throw unreadable(path, open.start, `${open.kind} ${open.name} {`)
  return models
}

function unreadable(path: string, at: number, line: string): UsageError {
  return new UsageError(
    `${path} does not parse at line ${at + 1}: ${line.slice(0, 80)}`,
    'Run `npx prisma validate` and `npx prisma format`; no file was written.',
  )
}

function modelOf(name: string, lines: string[], end: number): PrismaModel {
  const attributes = lines.filter((line) => line.startsWith('@@'))
  const argument = (attribute: string) => {
    const line = attributes.find((each) => each.startsWith(`@@${attribute}(`))
    return line && firstString(line)
  }
  const fields = new Map<string, string>()
  for (const line of lines) {
    const field = /^([A-Za-z]\w*)\s+[A-Za-z]/.exec(line)?.[1]
    if (field === undefined) continue
    const mapped = /\s@map\(/.test(line) ? firstString(line.slice(line.indexOf('@map('))) : undefined
    fields.set(mapped ?? field, field)
  }
  return {
    ...{ name, fields, attributes, end },
    table: { schema: argument('schema') ?? 'public', name: argument('map') ?? name },
  }
}

function firstString(text: string): string | undefined {
  const found = /"(?:[^"\\]|\\.)*"/.exec(text)?.[0]
  return found === undefined ? undefined : (JSON.parse(found) as string)
}

/** Without `//` and what follows it, unless it stands in a string. */
function withoutComment(line: string): string {
  return line.replace(/^((?:[^"/]|"(?:[^"\\]|\\.)*"|\/(?!\/))*)\/\/.*$/, '$1')
}

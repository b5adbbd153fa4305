import type { ExportFile, FormatName } from '../../src/export/format.ts'
import { splitStatements } from '../../src/syntax/statements.ts'

/** The statements that the tool would send for a migration, in order, as its own way of reading files has it. */
export async function readUp(format: FormatName, files: ExportFile[]): Promise<string[]> {
  const scripts = files.filter(({ path }) => isScript(format, path)).map(({ text }) => text)
  const read = await Promise.all(scripts.map(async (text) => readers[format](text)))
  return read.flat()
}

function isScript(format: FormatName, path: string): boolean {
  if (path.includes('hundredfold/')) return false
  if (format === 'sqitch') return path.includes('deploy/')
  if (format === 'sql') return path.endsWith('.up.sql')
  return /\.(sql|js)$/.test(path)
}

type Read = (text: string) => Promise<string[]> | string[]

const readers: Record<FormatName, Read> = {
  supabase: whole,
  prisma: whole,
  flyway: whole,
  sqitch: inTransaction,
  sql: inTransaction,
  async drizzle(text) {
    const parts = await Promise.all(text.split('--> statement-breakpoint').map(whole))
    // Each part is sent by itself.
    if (parts.some((part) => part.length !== 1)) throw new Error(`not one statement in each part: ${text}`)
    return withoutControl(parts.flat())
  },
  async graphile(text) {
    const [head = '', ...body] = text.split('\n\n')
    if (!/^--! Previous: \S+\n--! Hash: sha1:[0-9a-f]{40}\n--! Message: \S+$/.test(head))
      throw new Error(head)
    return whole(body.join('\n\n').replaceAll(/:DATABASE_(NAME|OWNER)\b/g, 'replaced'))
  },
  // As dbmate's parser finds its parts.
  dbmate(text) {
    const [, up, ...more] = text.split(/^--\s*migrate:(?:up|down).*$/m)
    if (up === undefined || more.length !== 1) throw new Error(`not two parts: ${text}`)
    return whole(up)
  },
  knex: (text) => send(text, (raw) => ({ knex: { raw: (sql: string) => raw(positionBindings(sql)) } })),
  kysely: (text) => send(text, (raw) => ({ sql: { raw: (sql: string) => ({ execute: () => raw(sql) }) } })),
  typeorm: (text) => send(text, (raw) => ({ queryRunner: { query: raw } })),
  mikroorm: (text) => send(text, (raw) => ({ Migration: class { addSql = raw } })), // prettier-ignore
}

/** All statements of a text, as PostgreSQL's own parser splits it. */
async function whole(text: string): Promise<string[]> {
  return (await splitStatements(text)).map(({ sql }) => withoutComments(sql))
}

async function inTransaction(text: string): Promise<string[]> {
  return withoutControl(await whole(text))
}

function withoutControl(statements: string[]): string[] {
  return statements.filter((sql) => !/^(BEGIN|COMMIT)$/.test(sql))
}

/** Without the comments at the head of the file. */
function withoutComments(sql: string): string {
  return sql.replace(/^(\s*--[^\n]*\n)+\s*/, '')
}

/** As Knex's dialect for PostgreSQL turns `?` into parameters and `\?` into `?`. */
function positionBindings(sql: string): string {
  let count = 0
  return sql.replaceAll(/(\\*)(\?)/g, (_, escapes: string) =>
    escapes.length % 2 === 1 ? '?' : `$${++count}`,
  )
}

/** Runs the file, which is CommonJS, with objects that note what is sent. */
async function send(text: string, objects: (note: (sql: string) => void) => Record<string, unknown>) {
  const sent: string[] = []
  const given = objects((sql) => void sent.push(sql))
  const module = { exports: {} as Record<string, unknown> }
  const evaluate = new Function('module', 'exports', 'require', text)
  evaluate(module, module.exports, () => given)
  const { exports } = module
  if (typeof exports === 'function') {
    const Migration = exports as unknown as new () => { up(given: unknown): Promise<void> }
    await new Migration().up(given['queryRunner'])
  } else if (typeof exports['up'] === 'function') {
    await (exports['up'] as (given: unknown) => Promise<void>)(given['knex'] ?? given)
  } else {
    const Migration = Object.values(exports)[0] as new () => { up(): Promise<void> }
    await new Migration().up()
  }
  const parts = await Promise.all(sent.map(whole))
  return parts.flat()
}

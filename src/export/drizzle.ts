import { randomUUID } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { UsageError, messageOf } from '../errors.ts'
import type { Direction, ExportedMigration } from './exported.ts'
import type { ExportFile, ExportFormat } from './format.ts'
import { header } from './header.ts'
import { listNames, timestamps } from './names.ts'
import type { CreatedIndex, IndexChange } from './source/indexChanges.ts'
import { downScript, sideDirectory } from './sideFiles.ts'
import { endOf } from './statements.ts'

/**
 * A custom migration: `drizzle/0007_create_bookings_idx.sql`, its entry in `meta/_journal.json` and its snapshot. Drizzle runs all
 * pending files in one transaction and has no switch for that; a file that cannot run in one ends it and begins the next.
 */
export const drizzle: ExportFormat = {
  name: 'drizzle',
  out: 'drizzle',
  next: 'npx drizzle-kit migrate',
  outsideTransaction:
    'Drizzle has no switch for its transaction: the file ends it by COMMIT, and begins the next by BEGIN. A driver that cannot keep a transaction open (neon-http) cannot run it.',
  misreads(statement) {
    return statement.includes(breakpoint) ? 'Drizzle would cut it in two' : undefined
  },
  async open(out, now) {
    const journalPath = join(out, 'meta', '_journal.json')
    const journal = await readJournal(journalPath, out)
    const times = timestamps(
      journal.entries.map(({ tag }) => tag),
      now,
    )
    let snapshot = await readSnapshot(out, journal)
    return {
      add(migration) {
        const last = journal.entries.at(-1)
        const idx = (last?.idx ?? -1) + 1
        const slug = migration.slug.replaceAll('-', '_')
        const hasTimes = last !== undefined && /^\d{14}_/.test(last.tag)
        const prefix = hasTimes ? (times.next().value as string) : String(idx).padStart(4, '0')
        const tag = `${prefix}_${slug}`
        const when = Math.max(now.getTime(), (last?.when ?? 0) + 1)
        journal.entries.push({ idx, version: journal.version, when, tag, breakpoints: true })
        snapshot = withIndexes({ ...snapshot, id: randomUUID(), prevId: snapshot.id }, migration.indexes)
        const files: ExportFile[] = [
          { path: join(out, `${tag}.sql`), text: textOf(migration) },
          { path: join(out, 'meta', `${prefix}_snapshot.json`), text: JSON.stringify(snapshot, null, 2) },
          { path: journalPath, text: JSON.stringify(journal, null, 2), replaces: true },
          downScript(
            sideDirectory(out),
            tag,
            migration,
            `Then: DELETE FROM drizzle.__drizzle_migrations WHERE created_at = ${when};`,
          ),
        ]
        return { name: tag, files }
      },
    }
  },
}

const breakpoint = '--> statement-breakpoint'

function textOf(migration: ExportedMigration): string {
  return `${header(migration)}${statementsOf(migration.up).map(endOf).join(`\n${breakpoint}\n`)}\n`
}

function statementsOf({ statements, transactional }: Direction): string[] {
  return transactional ? statements : ['COMMIT', ...statements, 'BEGIN']
}

const journalSchema = z.looseObject({
  version: z.string(),
  dialect: z.literal('postgresql'),
  entries: z.array(
    z.looseObject({
      idx: z.number(),
      version: z.string(),
      when: z.number(),
      tag: z.string(),
      breakpoints: z.boolean(),
    }),
  ),
})

type Journal = z.infer<typeof journalSchema>

async function readJournal(path: string, out: string): Promise<Journal> {
  if (!(await isThere(path))) {
    const folder = (await foldersOfVersion1(out)).at(0)
    if (folder === undefined) return { version: '7', dialect: 'postgresql', entries: [] }
    throw new UsageError(
      `${join(out, folder)} is a migration of drizzle-kit 1, whose layout has no journal.`,
      'Write the migration as plain SQL with --format sql, and put it into a file of `drizzle-kit generate --custom`.',
    )
  }
  return readJson(path, journalSchema, 'a journal of Drizzle for PostgreSQL')
}

async function foldersOfVersion1(out: string): Promise<string[]> {
  const folders: string[] = []
  for (const name of await listNames(out)) {
    if (await isThere(join(out, name, 'migration.sql'))) folders.push(name)
  }
  return folders
}

const snapshotSchema = z.looseObject({
  id: z.string(),
  prevId: z.string(),
  tables: z.record(z.string(), z.looseObject({ indexes: z.record(z.string(), z.unknown()) })),
})

type Snapshot = z.infer<typeof snapshotSchema>

/** The newest snapshot, which a custom migration repeats; before the first migration, one of an empty database. */
async function readSnapshot(out: string, journal: Journal): Promise<Snapshot> {
  const last = journal.entries.at(-1)
  if (last === undefined) return emptySnapshot
  const path = join(out, 'meta', `${last.tag.split('_')[0]}_snapshot.json`)
  return readJson(path, snapshotSchema, 'a snapshot of Drizzle')
}

const emptySnapshot = {
  id: '00000000-0000-0000-0000-000000000000',
  prevId: '',
  version: '7',
  dialect: 'postgresql',
  ...{ tables: {}, enums: {}, schemas: {}, views: {}, sequences: {}, roles: {}, policies: {} },
  _meta: { columns: {}, schemas: {}, tables: {} },
}

/** The snapshot after the migration, as Drizzle would write it for the same change of the tables' code. */
function withIndexes(snapshot: Snapshot, changes: IndexChange[]): Snapshot {
  const tables = structuredClone(snapshot.tables)
  for (const change of changes) {
    if (change.kind === 'dropped') {
      for (const [key, { indexes }] of Object.entries(tables)) {
        if (key.startsWith(`${change.index.schema}.`)) Reflect.deleteProperty(indexes, change.index.name)
      }
      continue
    }
    const table = tables[`${change.table.schema}.${change.table.name}`]
    if (table && change.plain) table.indexes[change.name] = indexOf(change.name, change.plain)
  }
  return { ...snapshot, tables }
}

function indexOf(name: string, { columns, method }: Required<CreatedIndex>['plain']) {
  return {
    name,
    columns: columns.map(({ name: expression, descending }) => ({
      expression,
      isExpression: false,
      asc: !descending,
      nulls: descending ? 'first' : 'last',
    })),
    isUnique: false,
    concurrently: true,
    method,
    with: {},
  }
}

async function readJson<T>(path: string, schema: z.ZodType<T>, what: string): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    const reason = error instanceof z.ZodError ? (error.issues[0]?.message ?? 'its shape') : messageOf(error)
    throw new UsageError(
      `${path} is not ${what}: ${reason}.`,
      'Run `drizzle-kit check`, repair the file, and run the command again.',
      { cause: error },
    )
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

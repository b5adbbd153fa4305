import { readdir } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { ClientBase } from 'pg'
import { UsageError } from '../errors.ts'
import { shortList } from '../shortList.ts'
import type { LedgerRow } from './ledger.ts'
import { readLedger } from './ledger.ts'
import { nameOfFile } from './loadMigrations.ts'
import type { Migration } from './migration.ts'

/** The ledger as one directory of migrations sees it, each list in the order of application. */
export interface History {
  /** Rows of its own files, and rows that have no file anywhere. */
  rows: LedgerRow[]
  /** Rows whose files lie in another folder of the same history. */
  elsewhere: RowElsewhere[]
}

export interface RowElsewhere extends LedgerRow {
  folder: string
}

/**
 * Reads the ledger for the migrations of one directory. A folder inside a directory of migrations holds a series of its
 * own, such as `migrations/partitions`: it runs by `--dir`, and its files are not missing from the others.
 */
export async function readHistory(client: ClientBase, migrations: readonly Migration[]): Promise<History> {
  const ledger = await readLedger(client)
  const own = new Set(migrations.map(({ name }) => name))
  const [first] = migrations
  if (first === undefined || ledger.every(({ name }) => own.has(name))) return { rows: ledger, elsewhere: [] }
  const folders = await listOtherFiles(dirname(first.path))
  return {
    rows: ledger.filter(({ name }) => own.has(name) || !folders.has(name)),
    elsewhere: ledger.flatMap((row) => {
      const folder = own.has(row.name) ? undefined : folders.get(row.name)
      return folder === undefined || row.state === 'takenBack' ? [] : [{ ...row, folder }]
    }),
  }
}

/** @throws UsageError where migrations of another folder were applied after one of these: they go back first. */
export function refuseBelowOthers(rows: readonly LedgerRow[], elsewhere: readonly RowElsewhere[]): void {
  const oldest = rows.reduce((low, row) => (row.position < low.position ? row : low), rows[0] as LedgerRow)
  const later = elsewhere.filter(({ position }) => position > (oldest?.position ?? Infinity))
  const folder = later.at(-1)?.folder
  if (folder === undefined) return
  const there = later.filter((each) => each.folder === folder)
  throw new UsageError(
    `${oldest.name} cannot be taken back yet: migrations of ${folder} were applied after it: ` +
      `${shortList(there.map(({ name }) => name))}.`,
    `Take those back first: \`migrate down ${there.length} --dir ${folder}\`.`,
  )
}

/** Migrations in the folders inside this one; and in the one around it with its other folders, if that has migrations itself. */
async function listOtherFiles(directory: string): Promise<Map<string, string>> {
  const here = resolve(directory)
  const around = dirname(here)
  const isInside = (await listNames(around)).length > 0
  const folders = [
    ...(await listFolders(here)),
    ...(isInside ? [around, ...(await listFolders(around))] : []),
  ].filter((folder) => folder !== here)
  const found = new Map<string, string>()
  for (const folder of folders) {
    for (const name of await listNames(folder)) found.set(name, relative(process.cwd(), folder) || '.')
  }
  return found
}

async function listNames(folder: string): Promise<string[]> {
  return (await entriesOf(folder)).flatMap((entry) =>
    entry.isDirectory() ? [] : (nameOfFile(entry.name) ?? []),
  )
}

async function listFolders(folder: string): Promise<string[]> {
  return (await entriesOf(folder)).flatMap((entry) =>
    entry.isDirectory() && !entry.name.startsWith('.') ? join(folder, entry.name) : [],
  )
}

/** A folder that we may not read holds none of our migrations. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => [])
}

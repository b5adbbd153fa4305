import { readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { ClientBase } from 'pg'
import type { Operation } from '../operations/operation.ts'
import { readLedger } from '../migrate/ledger.ts'
import { migrationName } from '../migrate/loadMigrations.ts'
import { listMigrationFiles, slugOf } from './migrationNames.ts'

/** A file that was written and has not run yet. */
export interface PendingMigration {
  name: string
  text: string
}

/** The migrations of a directory that the ledger does not know. */
export async function listPendingMigrations(
  directory: string,
  client: ClientBase,
): Promise<PendingMigration[]> {
  const files = (await listMigrationFiles(directory)).filter((file) =>
    migrationName.test(basename(file, extname(file))),
  )
  if (files.length === 0) return []
  const ledger = await readLedger(client)
  const applied = new Set(ledger.filter(({ state }) => state !== 'takenBack').map(({ name }) => name))
  const pending = files.filter((file) => !applied.has(basename(file, extname(file))))
  return Promise.all(
    pending.map(async (file) => ({
      name: basename(file, extname(file)),
      text: await readFile(join(directory, file), 'utf8'),
    })),
  )
}

/**
 * The pending migration that does what the operation would do, or a part of it: it carries one of its ids. Written twice,
 * the second would fail.
 */
export function findPending(operation: Operation, pending: PendingMigration[]): string | undefined {
  const carrying = pending.find(({ text }) => operation.ids.some((id) => text.includes(id)))
  return carrying?.name ?? findUnmarked(operation, pending.filter(isUnmarked))
}

/** Written before files carried ids, or by hand. */
function isUnmarked({ text }: PendingMigration): boolean {
  return !/\boperations:/.test(text)
}

/**
 * Without an id, the text decides: the same title, and all names in a condition of the operation that its `up` ends (a
 * policy is as it was, an index is absent).
 */
function findUnmarked(operation: Operation, pending: PendingMigration[]): string | undefined {
  const ended = operation.before.filter(({ condition }) => !stays(condition))
  const slug = slugOf(operation.title)
  return pending.find(({ name, text }) => {
    if (name.slice(18) !== slug) return false
    const compact = squeeze(text)
    return ended.length === 0 || ended.some(({ args }) => texts(args).every((each) => compact.includes(each)))
  })?.name
}

/** Conditions of `before` that go on holding afterwards say nothing about what a migration changes. */
function stays(condition: string): boolean {
  return !condition.endsWith('IsAbsent') && condition !== 'policyIs' && !condition.endsWith('Unset')
}

/** Every text within the arguments of a condition. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [squeeze(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
}

/** Without what a formatter may change: white space, quotes, commas, strings joined with `+`. */
function squeeze(text: string): string {
  return text.replaceAll(/[\s'"`+,\\]/g, '')
}

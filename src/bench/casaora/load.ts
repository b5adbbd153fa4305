import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ClientBase } from 'pg'
import { quote } from '../../postgres/identifiers.ts'

/** How much data: `small` is 100,000 bookings and 300,000 messages, `medium` 10 times, `large` 100 times that. */
export type CasaoraRows = 'tiny' | 'small' | 'medium' | 'large'

/** Rows for `small`; other sizes multiply them. */
const smallTotals = {
  professionals: 20_000,
  customers: 30_000,
  bookings: 100_000,
  reviews: 60_000,
  favorites: 40_000,
  conversations: 40_000,
  messages: 300_000,
  notifications: 200_000,
  audit_events: 120_000,
}

const sizes: Record<CasaoraRows, number> = { tiny: 0.01, small: 1, medium: 10, large: 100 }

/** The present day in Casaora's data: there are bookings before and after it. */
export const casaoraToday = '2026-11-20'

/** The busiest professional, the busiest customer and the first administrator. They are the same in every size. */
export const casaoraIdentities = {
  professional: identity('professional'),
  customer: identity('customer'),
  admin: identity('admin'),
} as const

export interface LoadOptions {
  rows: CasaoraRows
  /** The role that owns everything and runs the migrations; not a superuser. */
  owner?: string
  /** Password of the owner and of `authenticator`, the application's login role; if absent, theirs do not change. */
  password?: string
  /** Called with the title of each step as it begins. */
  onProgress?: (step: string) => void
}

/** The role that owns Casaora's objects by default. */
export const casaoraOwner = 'casaora_owner'

/**
 * Fills an empty database with Casaora: roles, the auth schema, tables, rows, indexes, policies and the bloat of two
 * years. The data is the same every time. `superuser` must not be in a transaction; its settings and role are restored.
 *
 * The owner then owns the database and the schema `public`. A copy of it must have the same owner:
 * `CREATE DATABASE copy TEMPLATE casaora OWNER casaora_owner`.
 */
export async function loadCasaora(superuser: ClientBase, options: LoadOptions): Promise<void> {
  const owner = options.owner ?? casaoraOwner
  const settings: Record<string, string> = {
    'casaora.owner': owner,
    'casaora.password': options.password ?? '',
    'casaora.today': casaoraToday,
    'casaora.admins': '20',
    client_min_messages: 'warning',
    synchronous_commit: 'off',
    maintenance_work_mem: '256MB',
    search_path: 'public',
    timezone: 'UTC',
  }
  for (const [kind, total] of Object.entries(smallTotals)) {
    settings[`casaora.${kind}`] = String(Math.round(total * sizes[options.rows]))
  }
  const run = async (file: string): Promise<void> => {
    for (const step of await readSteps(file)) {
      options.onProgress?.(step.title)
      await superuser.query(step.sql)
    }
  }

  for (const [name, value] of Object.entries(settings)) {
    await superuser.query('select set_config($1, $2, false)', [name, value])
  }
  try {
    await run('platform.sql')
    await superuser.query(`set role ${quote(owner)}`)
    for (const file of ['schema', 'rows', 'indexes', 'churn', 'search-indexes', 'constraints', 'policies'])
      await run(`${file}.sql`)
    options.onProgress?.('vacuum and analyze')
    await superuser.query('reset role')
    await superuser.query('vacuum (analyze)')
  } finally {
    await superuser.query('reset role')
    await superuser.query('discard temporary')
    for (const name of Object.keys(settings)) await superuser.query(`reset ${name}`)
  }
}

/** Splits a SQL file at its lines `-- step: title`; each step is sent as one query, which makes it one transaction. */
async function readSteps(file: string): Promise<{ title: string; sql: string }[]> {
  const text = await readFile(new URL(file, import.meta.url), 'utf8')
  const [, ...parts] = text.split(/^-- step: (.+)$/m)
  return parts.flatMap((title, at) => (at % 2 === 0 ? [{ title, sql: parts[at + 1] ?? '' }] : []))
}

/** The id that rows.sql gives the first person of a role. */
function identity(role: string): string {
  return createHash('md5')
    .update(`${role}:1`)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

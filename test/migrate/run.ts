import type { Client } from 'pg'
import { down } from '../../src/migrate/down.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import type { RunOptions } from '../../src/migrate/runOptions.ts'
import { defaultRunOptions } from '../../src/migrate/runOptions.ts'
import type { Target } from '../../src/migrate/target.ts'
import type { RunResult } from '../../src/migrate/up.ts'
import { up } from '../../src/migrate/up.ts'
import { withoutProofs } from '../support/withoutProofs.ts'

/** Loads the directory and runs `up` on the client's session. */
export async function runUp(
  client: Client,
  directory: string,
  options: Partial<RunOptions> & Target = {},
): Promise<RunResult> {
  const { count, to, ...rest } = options
  const target = { ...(count ? { count } : {}), ...(to ? { to } : {}) }
  return up(await loadMigrations(directory), target, { ...defaultRunOptions, client, ...rest })
}

/** Runs `up` of the directory without its proofs on rows, where the same rows have answered them or are compared anyway. */
export async function runUpWithoutProofs(client: Client, directory: string): Promise<RunResult> {
  const migrations = withoutProofs(await loadMigrations(directory))
  return up(migrations, {}, { ...defaultRunOptions, client })
}

/** Loads the directory and runs `down`, of everything by default. */
export async function runDown(
  client: Client,
  directory: string,
  options: Partial<RunOptions> & Target = {},
): Promise<RunResult> {
  const { count, to, ...rest } = options
  const migrations = await loadMigrations(directory)
  const target = { count: count ?? migrations.length, ...(to ? { to } : {}) }
  return down(migrations, target, { ...defaultRunOptions, client, ...rest })
}

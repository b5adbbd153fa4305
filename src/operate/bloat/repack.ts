import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { delimiter } from 'node:path'
import type { Client } from 'pg'
import { UsageError } from '../../errors.ts'
import { parseTarget } from '../../postgres/connect.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import { findProgram } from '../../servers/programs.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RewriteAction, RewriteTools } from './rewriteAction.ts'
import { measureReturn } from './rewriteAction.ts'

/** pg_repack's client, in the version of the extension. */
export interface RepackProgram {
  path: string
  version: string
}

/**
 * @throws UsageError where the version works for superusers only and the role is none; pg_repack would find out in the
 * middle, and leave its trigger and table behind
 */
export function refuseWithoutSuperuser({
  version,
  isSuperuser,
}: {
  version: string
  isSuperuser: boolean
}): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (isSuperuser || major > 1 || minor >= 5) return
  throw new UsageError(
    `pg_repack ${version} works for superusers only, and this role is none.`,
    'Update the extension to 1.5 or newer, or use --run full in a window.',
  )
}

/** Where Debian and the packages of postgresql.org keep programs that belong to one version of the server. */
const perVersion = '/usr/lib/postgresql'

/**
 * The client that fits the extension: pg_repack refuses to work with another version of itself.
 *
 * @param path folders to search, in the format of PATH
 * @throws UsageError if there is none, or only of another version
 */
export async function findRepack(extensionVersion: string, path: string): Promise<RepackProgram> {
  const folders = [path, ...serverFolders()].join(delimiter)
  const found: RepackProgram[] = []
  for (const folder of new Set(folders.split(delimiter))) {
    const program = findProgram('pg_repack', folder)
    if (program === undefined || found.some((known) => known.path === program)) continue
    const version = await versionOf(program)
    if (version === extensionVersion) return { path: program, version }
    found.push({ path: program, version })
  }
  const versions = found.map(({ version }) => version).join(', ')
  throw new UsageError(
    found.length === 0
      ? 'The program pg_repack is not installed on this machine.'
      : `The extension pg_repack has version ${extensionVersion}, and the program here ${versions}: it refuses to work with another version.`,
    found.length === 0
      ? `Install it in version ${extensionVersion}, or use --run full in a window.`
      : 'Install the program in the version of the extension, or ALTER EXTENSION pg_repack UPDATE.',
  )
}

function serverFolders(): string[] {
  try {
    return readdirSync(perVersion).map((version) => `${perVersion}/${version}/bin`)
  } catch {
    return []
  }
}

async function versionOf(program: string): Promise<string> {
  const { output } = await runProgram(program, ['--version'], {})
  return /(\d+(?:\.\d+)+)/.exec(output)?.[1] ?? ''
}

/** Where and how pg_repack connects. */
export interface RepackTools extends RewriteTools {
  program: RepackProgram
  url: string
  isSuperuser: boolean
}

/** Writes a table anew while it is in use. Its triggers and log table are removed by itself, also when it is interrupted. */
export function repackAction(table: BloatedTable, tools: RepackTools): RewriteAction {
  const args = argumentsFor(table, tools)
  return {
    table,
    title: `Repack ${display(table)}`,
    sql: `pg_repack ${args.filter((arg) => !arg.startsWith('--host') && !arg.startsWith('--port')).join(' ')}`,
    affects: [
      'writes go through a trigger until it is done, and there are moments without reads and writes at both ends',
    ],
    run: (client) =>
      measureReturn(client, { table, kind: 'repack' }, async () => {
        const { code, output } = await runProgram(tools.program.path, args, passwordOf(tools.url), tools)
        const leftovers = await findLeftovers(client, table)
        tools.signal.throwIfAborted()
        if (code !== 0) {
          throw new UsageError(
            `pg_repack ended with ${code ?? 'a signal'}: ${lastLine(output)}${leftovers}`,
            'The table is as it was. Solve what it says and run it again, or use --run full in a window.',
          )
        }
        return leftovers === '' ? [] : [leftovers.trim()]
      }),
  }
}

function argumentsFor(table: BloatedTable, { url, isSuperuser }: RepackTools): string[] {
  const { host, port, database, user } = parseTarget(url)
  return [
    ...[`--host=${host}`, `--port=${port}`, `--username=${user}`, `--dbname=${database}`],
    `--table=${qualified(table)}`,
    // It would end sessions that are in its way; we end nobody who was not listed.
    ...['--no-kill-backend', '--wait-timeout=60', '--no-password'],
    ...(isSuperuser ? [] : ['--no-superuser-check']),
  ]
}

/** The password goes through the environment: arguments are seen by everybody on the machine. */
function passwordOf(url: string): Record<string, string> {
  const parsed = new URL(url)
  const sslmode = parsed.searchParams.get('sslmode')
  return {
    PGPASSWORD: decodeURIComponent(parsed.password),
    PGCONNECT_TIMEOUT: '10',
    ...(sslmode === null ? {} : { PGSSLMODE: sslmode }),
  }
}

function runProgram(
  program: string,
  args: string[],
  environment: Record<string, string>,
  tools?: RewriteTools,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { LC_ALL: 'C', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
      tools?.onProgress(`pg_repack: ${lastLine(output)}`)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    // On SIGINT it removes what it has made.
    const stop = () => child.kill('SIGINT')
    tools?.signal.addEventListener('abort', stop, { once: true })
    child.on('error', reject)
    child.on('close', (code) => {
      tools?.signal.removeEventListener('abort', stop)
      resolve({ code, output })
    })
  })
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}

/** What an earlier or a killed run has left on the table; empty where nothing is. */
async function findLeftovers(client: Client, { oid, ...table }: BloatedTable): Promise<string> {
  const { rows } = await client.query<{ left: boolean }>(
    `SELECT pg_catalog.to_regclass('repack.log_' || $1::text) IS NOT NULL
       OR EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid AND tgname = 'repack_trigger') AS left`,
    [oid],
  )
  if (!rows[0]?.left) return ''
  return ` It has left its trigger or log table on ${display(table)}: DROP EXTENSION pg_repack CASCADE and CREATE EXTENSION pg_repack remove them.`
}

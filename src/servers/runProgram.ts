import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HundredfoldError, exitCodes } from '../errors.ts'
import type { Account } from './serverAccount.ts'

/** Where the programs of a PostgreSQL are, and who runs them. */
export interface Programs {
  directory: string
  account: Account
}

/** @throws HundredfoldError with the last lines of the log, or of what the program itself said. */
export async function runProgram(
  { directory, account }: Programs,
  program: 'initdb' | 'pg_ctl',
  args: string[],
  log?: string,
): Promise<void> {
  try {
    await promisify(execFile)(join(directory, program), args, {
      ...account,
      cwd: '/',
      // The environment of our process may hold secrets, and settings for another PostgreSQL.
      env: { LC_ALL: 'C', TZ: 'UTC' },
    })
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    const said = (log && existsSync(log) && readFileSync(log, 'utf8')) || stderr || message
    throw new HundredfoldError(
      exitCodes.unexpected,
      `The embedded PostgreSQL failed at ${program}: ${lastLines(said, 5)}`,
      'Fix what PostgreSQL names, or set TEST_DATABASE_URL to a server on which databases may be created.',
      { cause: error },
    )
  }
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join(' / ')
}

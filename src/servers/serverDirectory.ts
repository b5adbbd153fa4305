import { chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account } from './serverAccount.ts'

/** Makes a temporary directory that only the server's account can enter. */
export function makeServerDirectory(account: Account): string {
  const directory = mkdtempSync(join(tmpdir(), 'hundredfold-'))
  giveTo(account, directory)
  return directory
}

/** Writes a file that only the server's account can read. */
export function writeForServer(account: Account, file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 })
  giveTo(account, file)
}

function giveTo({ uid, gid }: Account, path: string): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

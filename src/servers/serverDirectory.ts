import { chownSync, lchownSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
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

/** Gives a directory and everything in it to the server's account; a link is given, not what it leads to. */
export function giveAll(account: Account, directory: string): void {
  const { uid, gid } = account
  if (uid === undefined || gid === undefined) return
  lchownSync(directory, uid, gid)
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) giveAll(account, path)
    else lchownSync(path, uid, gid)
  }
}

function giveTo({ uid, gid }: Account, path: string): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

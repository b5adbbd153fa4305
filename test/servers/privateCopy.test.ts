import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findInstallation } from '../../src/servers/installation.ts'
import type { Installation } from '../../src/servers/installation.ts'
import { runnableInstallation } from '../../src/servers/privateCopy.ts'
import { serverAccount } from '../../src/servers/serverAccount.ts'

const account = serverAccount()
let workspace: string
let installation: Installation
let copies = 0

beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'hundredfold-copy-'))
  chmodSync(workspace, 0o755)
  // Complete wherever the tests run, since the one that npm brought may lack its links or lie out of reach; and all of
  // it is a copy, since tests take parts of it away.
  const runnable = runnableInstallation(findInstallation(), {
    directory: join(workspace, 'runnable'),
    account,
    trustedExtensions: ['pg_trgm'],
  })
  installation = { ...runnable, directory: join(workspace, 'complete') }
  execFileSync('cp', ['-rL', runnable.directory, installation.directory])
})
afterAll(() => rmSync(workspace, { recursive: true }))

function runnable(trustedExtensions: string[] = []): Installation {
  copies += 1
  const directory = join(workspace, `server${copies}`)
  mkdirSync(directory)
  return runnableInstallation(installation, { directory, account, trustedExtensions })
}

function runs({ directory }: Installation): boolean {
  const said = execFileSync(join(directory, 'bin/postgres'), ['--version'], {
    ...account,
    cwd: '/',
    encoding: 'utf8',
  })
  return said.startsWith('postgres (PostgreSQL) 18')
}

test('a runnable installation is used as it is', () => {
  expect(runnable()).toBe(installation)
})

test('an extension is made trusted only in a copy, which links to everything else', () => {
  const control = 'share/postgresql/extension/pg_stat_statements.control'
  const copy = runnable(['pg_stat_statements'])
  expect(readlinkSync(join(copy.directory, 'lib'))).toBe(join(installation.directory, 'lib'))
  expect(statSync(join(installation.directory, 'lib/libpq.so')).uid).toBe(userInfo().uid)
  expect(readFileSync(join(copy.directory, control), 'utf8')).toContain('\ntrusted = true\n')
  expect(readFileSync(join(installation.directory, control), 'utf8')).not.toContain('trusted')
  expect(runs(copy)).toBe(true)
})

test.each(['no_such_extension', '../extension/pg_trgm'])('%s cannot be trusted', (name) => {
  expect(() => runnable([name])).toThrow(`has no extension ${name}`)
})

test('links that npm was not allowed to make are made in a copy', () => {
  const link = 'lib/libicuuc.so.60'
  unlinkSync(join(installation.directory, link))
  const copy = runnable()
  expect(copy).not.toBe(installation)
  expect(existsSync(join(copy.directory, link))).toBe(true)
  expect(runs(copy)).toBe(true)
  cpSync(join(copy.directory, link), join(installation.directory, link), { verbatimSymlinks: true })
})

test.skipIf(userInfo().uid !== 0)('an installation that only root can reach is copied', () => {
  chownSync(installation.directory, 0, 0)
  chmodSync(installation.directory, 0o700)
  const copy = runnable()
  expect(copy).not.toBe(installation)
  expect(runs(copy)).toBe(true)
  chmodSync(installation.directory, 0o755)
})

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, relative, dirname } from 'node:path'
import { UsageError } from '../errors.ts'
import type { Installation } from './installation.ts'
import type { Account } from './serverAccount.ts'
import { giveAll } from './serverDirectory.ts'

const programs = ['initdb', 'pg_ctl', 'postgres']

/** Where the control files of extensions are. */
const extensions = 'share/postgresql/extension'

/**
 * The installation to run a server from: the given one, or a copy of it in `directory` if
 *
 * - extensions are to be trusted (`trusted = true` in their control file, which is not ours to change);
 * - npm was not allowed to run the install script that makes the links between its libraries;
 * - it lies where the server's account cannot reach it, such as below /root.
 *
 * A full copy takes 60 MB. If only extensions are to be trusted, 10 MB are copied and the rest is linked.
 */
export function runnableInstallation(
  installation: Installation,
  options: { directory: string; account: Account; trustedExtensions: string[] },
): Installation {
  const { account, trustedExtensions } = options
  const isRunnable = linksAreComplete(installation) && runsFor(account, installation)
  if (isRunnable && trustedExtensions.length === 0) return installation

  const copy: Installation = { ...installation, directory: join(options.directory, 'installation') }
  if (isRunnable) copyPrograms(installation, copy)
  else {
    cpSync(installation.directory, copy.directory, { recursive: true, verbatimSymlinks: true })
    makeLinks(copy)
  }
  for (const program of programs) chmodSync(join(copy.directory, 'bin', program), 0o755)
  for (const extension of trustedExtensions) trust(copy, extension)
  giveAll(account, copy.directory)
  return copy
}

interface Link {
  /** `native/lib/libpq.so.5.18`, from the root of the package. */
  source: string
  /** `native/lib/libpq.so.5` */
  target: string
}

/** npm packages cannot hold symbolic links; the package has a list of the links to make. */
function links({ directory }: Installation): { at: string; to: string }[] {
  const list = join(directory, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const inside = (path: string): string => join(directory, relative('native', path))
  return (JSON.parse(readFileSync(list, 'utf8')) as Link[]).map(({ source, target }) => ({
    at: inside(target),
    to: relative(dirname(inside(target)), inside(source)),
  }))
}

function linksAreComplete(installation: Installation): boolean {
  return links(installation).every(({ at }) => existsSync(at))
}

function makeLinks(installation: Installation): void {
  for (const { at, to } of links(installation)) if (!existsSync(at)) symlinkSync(to, at)
}

function runsFor(account: Account, { directory }: Installation): boolean {
  return programs.every((program) => {
    try {
      execFileSync(join(directory, 'bin', program), ['--version'], { ...account, cwd: '/', stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })
}

/** Copies the programs, which find everything else relative to themselves, and links to the rest. */
function copyPrograms(installation: Installation, copy: Installation): void {
  const inBoth = (path: string): [string, string] => [
    join(installation.directory, path),
    join(copy.directory, path),
  ]
  mkdirSync(join(copy.directory, 'bin'), { recursive: true })
  for (const program of programs) copyFileSync(...inBoth(join('bin', program)))
  mkdirSync(join(copy.directory, extensions), { recursive: true })
  for (const directory of ['.', 'share', dirname(extensions), extensions]) {
    for (const name of readdirSync(join(installation.directory, directory))) {
      const [original, link] = inBoth(join(directory, name))
      if (!existsSync(link)) symlinkSync(original, link)
    }
  }
}

function trust({ directory }: Installation, extension: string): void {
  const control = join(directory, extensions, `${extension}.control`)
  if (!existsSync(control) || basename(extension) !== extension) {
    throw new UsageError(
      `The embedded PostgreSQL has no extension ${extension}.`,
      'Leave it out of the trusted extensions.',
    )
  }
  const text = readFileSync(control, 'utf8')
  // It may be a link to the original file, which must stay as it is.
  unlinkSync(control)
  writeFileSync(control, `${text}\ntrusted = true\n`)
}

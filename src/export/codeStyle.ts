import { access, readFile } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'

/** How a project writes its migrations in code. */
export interface CodeStyle {
  extension: '.ts' | '.mts' | '.cts' | '.js' | '.mjs' | '.cjs'
  /** With `import` and `export`; else with `require` and `exports`. */
  modules: boolean
  typed: boolean
}

/** As the newest migration is written; in an empty directory, as package.json and tsconfig.json have it. */
export async function codeStyleOf(directory: string, names: string[]): Promise<CodeStyle> {
  const newest = names.findLast(isCode)
  const root = await findRoot(resolve(directory))
  if (newest === undefined) {
    const extension = (await isThere(join(root, 'tsconfig.json'))) ? '.ts' : '.js'
    return styleOf(extension, await hasModules(root))
  }
  const extension = extname(newest)
  if (extension !== '.js') return styleOf(extension as CodeStyle['extension'], false)
  const text = await readFile(join(directory, newest), 'utf8').catch(() => '')
  return styleOf('.js', /^\s*(import|export)\b/m.test(text))
}

function styleOf(extension: CodeStyle['extension'], modules: boolean): CodeStyle {
  const typed = extension.endsWith('ts')
  return { extension, typed, modules: typed || extension === '.mjs' || (extension === '.js' && modules) }
}

/** A file that a tool would load as a migration. */
export function isCode(name: string): boolean {
  return /\.[cm]?[jt]s$/.test(name) && !name.endsWith('.d.ts')
}

/** The nearest folder with a package.json, from here upwards. */
async function findRoot(directory: string): Promise<string> {
  for (let at = directory; ; at = dirname(at)) {
    if (await isThere(join(at, 'package.json'))) return at
    if (dirname(at) === at) return directory
  }
}

async function hasModules(root: string): Promise<boolean> {
  const text = await readFile(join(root, 'package.json'), 'utf8').catch(() => '{}')
  try {
    return (JSON.parse(text) as { type?: string }).type === 'module'
  } catch {
    return false
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

import Module, { createRequire, register } from 'node:module'
import { extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** A migration file and its text. */
export interface MigrationText {
  path: string
  text: string
}

/** `.js` once compiled. With `.ts`, tsx or the test runner can read TypeScript already. */
const ownExtension = extname(import.meta.url)
const library = new URL(`../index${ownExtension}`, import.meta.url).href

/**
 * Lets Node import these files, of every kind that Node or jiti reads. Wherever the files lie, their `hundredfold` is the
 * running program, so that conditions and runner share one instance.
 */
export async function prepareImports(files: MigrationText[]): Promise<void> {
  // Before the hook is registered, since it slows down every import.
  if (files.some(({ text }) => text.includes('hundredfold'))) own ??= await import(library)
  const typed = ownExtension === '.ts' ? [] : files.filter(needsTypeScript)
  if (files.some((file) => needsHook(file, typed))) resolveOwnPackage()
  const [first] = typed
  if (!first) return
  importTypeScript ??= await loadCompiler(first.path)
  for (const { path } of typed) typescriptFiles.add(path)
}

/** What a migration file exports. Node does not always see the named exports of CommonJS, so the default counts too. */
export async function importMigration(path: string): Promise<Record<string, unknown>> {
  const file = resolve(path)
  const module =
    importTypeScript && typescriptFiles.has(path)
      ? await importTypeScript(file)
      : ((await import(pathToFileURL(file).href)) as Record<string, unknown>)
  const whole = module['default']
  return typeof whole === 'object' && whole !== null ? { ...whole, ...module } : module
}

function needsTypeScript({ path, text }: MigrationText): boolean {
  return ['.ts', '.mts'].includes(extname(path)) || /\.[cm]?ts['"`]/.test(text)
}

/** jiti resolves our package by itself; Node needs a hook, whose thread costs a tenth of a second. */
function needsHook(file: MigrationText, readByJiti: MigrationText[]): boolean {
  const importsOtherFiles = /['"`]\.{1,2}\//.test(file.text)
  return importsOtherFiles || (!readByJiti.includes(file) && /hundredfold|node-pg-migrate/.test(file.text))
}

const typescriptFiles = new Set<string>()
let importTypeScript: ((file: string) => Promise<Record<string, unknown>>) | undefined

/** Loads jiti, only if there are such files. It is what node-pg-migrate's own command line reads them with. */
async function loadCompiler(path: string) {
  const { createJiti } = await import('jiti')
  const jiti = createJiti(import.meta.url, {
    interopDefault: false,
    tsconfigPaths: true,
    virtualModules: own === undefined ? {} : { hundredfold: own },
    alias: ownNodePgMigrate(path),
  })
  return (file: string) => jiti.import<Record<string, unknown>>(file)
}

/** Our node-pg-migrate, for its types and constants, where the project has none. */
function ownNodePgMigrate(path: string): Record<string, string> {
  try {
    createRequire(resolve(path)).resolve('node-pg-migrate')
    return {}
  } catch {
    return { 'node-pg-migrate': fileURLToPath(import.meta.resolve('node-pg-migrate')) }
  }
}

let resolvesOwnPackage = false
let own: unknown

function resolveOwnPackage(): void {
  if (resolvesOwnPackage) return
  resolvesOwnPackage = true
  register(new URL('resolveOwnPackage.mjs', import.meta.url), { data: { library } })
  answerRequire()
}

type Load = (request: string, ...others: unknown[]) => unknown

/** Does for `require` in CommonJS files what resolveOwnPackage.mjs does for `import`. */
function answerRequire(): void {
  const loader = Module as unknown as { _load: Load }
  const load = loader._load
  const { resolve: resolveAsOurs } = createRequire(import.meta.url)
  loader._load = function (request, ...others) {
    if (request === 'hundredfold' && own !== undefined) return own
    const next = (name: string) => load.call(this, name, ...others)
    if (/^hundredfold(\/|$)/.test(request)) return next(resolveAsOurs(request))
    if (request !== 'node-pg-migrate') return next(request)
    try {
      return next(request)
    } catch {
      return next(resolveAsOurs(request))
    }
  }
}

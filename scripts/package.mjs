// Makes lib/, what the npm package holds: the program and the library bundled into few files and minified, and their
// types. `npm pack` and `npm publish` run it. A checkout runs dist/ instead, which build.mjs compiles faster.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { execPath, pid } from 'node:process'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')
const target = join(root, 'lib')
const unfinished = `${target}.${pid}`

/** What package.json exports, and the program. All files lie in one folder, as chunks find one another there. */
const entryPoints = {
  cli: 'cli.ts',
  index: 'index.ts',
  conditions: 'migrationFiles.ts',
  cache: 'cache/index.ts',
  'cache-next': 'cache/next/index.ts',
}
/** Packages of which we use a small part: it is bundled. All others are dependencies. */
const bundled = ['zod']
/** Files that are found by their place. */
const besides = ['migrate/resolveOwnPackage.mjs', 'operate/alerts/plan.yaml', 'servers/guardian.mjs']

/** `export { indexIsAbsent, indexIsValid } from './conditions/indexes.ts'` */
const exported = /^export \{([^}]+)\} from '\.\/([^']+)'/gm
/** `export class UsageError extends HundredfoldError` */
const errorClass = /^export class (\w+) extends \w*Error\b/gm

/** `from './condition.ts'`, as the compiler leaves it in declarations. */
const imported = /((?:from|import\()\s*['"])(\.[^'"]+)\.ts(?=['"])/g

rmSync(unfinished, { recursive: true, force: true })
try {
  await bundle()
  for (const file of besides) cpSync(join(source, file), join(unfinished, file))
  writeTypes()
  rmSync(target, { recursive: true, force: true })
  renameSync(unfinished, target)
} finally {
  rmSync(unfinished, { recursive: true, force: true })
}

async function bundle() {
  const { outputFiles } = await esbuild.build({
    entryPoints: Object.fromEntries(
      Object.entries(entryPoints).map(([name, file]) => [name, join(source, file)]),
    ),
    outdir: unfinished,
    write: false,
    bundle: true,
    splitting: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    logLevel: 'error',
    tsconfig: join(root, 'tsconfig.json'),
    plugins: [{ name: 'package', setup }],
  })
  mkdirSync(unfinished)
  for (const { path, text } of outputFiles) writeFileSync(path, text)
}

function setup({ onResolve, onLoad }) {
  const calledByFiles = listCalledByFiles()
  // What is only in a checkout is replaced by a sentence that says so.
  onResolve({ filter: /^\.\/(bench|demo)\.ts$/ }, ({ resolveDir }) =>
    resolveDir === join(source, 'cli') ? { path: join(source, 'cli/checkoutOnly.ts') } : undefined,
  )
  onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) =>
    kind === 'entry-point' || bundled.includes(path) || importer.includes('node_modules')
      ? undefined
      : { path, external: true },
  )
  onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
    loader: 'ts',
    contents: withOwnPlace(
      relative(source, path),
      withNames(calledByFiles, relative(source, path), readFileSync(path, 'utf8')),
    ),
  }))
}

/**
 * A module goes on finding what lies beside it by its own place, wherever the bundle puts its code. Bundlers look for the file
 * where they see `new URL(..., import.meta.url)`, so it has another name.
 */
function withOwnPlace(file, text) {
  if (!text.includes('import.meta')) return text
  const place = JSON.stringify(file.replace(/\.ts$/, '.js'))
  return `const moduleUrl = import.meta.url.replace(/[^/]*$/, () => ${place})
${text.replaceAll('import.meta.url', 'moduleUrl')}`
}

/** The functions that migration files call are written there by their names, and errors tell theirs: they keep them. */
function withNames(calledByFiles, file, text) {
  const names = [
    ...(calledByFiles.get(file) ?? []),
    ...Array.from(text.matchAll(errorClass), ([, name]) => name),
  ]
  return text + names.map((name) => `\nObject.defineProperty(${name}, 'name', { value: '${name}' })`).join('')
}

/** File -> the names of what migration files import from it. */
function listCalledByFiles() {
  const list = readFileSync(join(source, entryPoints.conditions), 'utf8')
  return new Map(
    Array.from(list.matchAll(exported), ([, names, file]) => [
      file,
      names
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    ]),
  )
}

/** Declarations of what the entry points export, without those that none of these refers to. */
function writeTypes() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(execPath, [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', unfinished], {
    stdio: 'inherit',
  })
  const entries = Object.values(entryPoints).map((file) => join(unfinished, file.replace(/\.ts$/, '.d.ts')))
  const reached = new Set(entries.filter((file) => existsSync(file)))
  const shown = new Set(reached)
  // The loop also visits what is added while it runs.
  for (const file of reached) {
    const text = readFileSync(file, 'utf8')
    for (const [, , name] of text.matchAll(imported)) {
      const next = resolve(dirname(file), `${name}.d.ts`)
      if (existsSync(next)) reached.add(next)
      if (entries.includes(file)) shown.add(next)
    }
    // Who reads the types of the library sees what these say; the others are only there to be referred to.
    const kept = shown.has(file) ? text : text.replaceAll(/^\s*\/\*\*[^]*?\*\/\n/gm, '')
    writeFileSync(file, kept.replaceAll(imported, '$1$2.js'))
  }
  for (const entry of readdirSync(unfinished, { recursive: true })) {
    const file = join(unfinished, entry)
    if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file)
  }
  removeEmptyFolders(unfinished)
}

function removeEmptyFolders(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) removeEmptyFolders(path)
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true })
}

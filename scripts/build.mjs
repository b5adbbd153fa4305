// Compiles src/ to dist/, file by file, so that the program starts without a compiler. `npm ci` runs it; in a checkout
// hundredfold.mjs runs it too when sources have changed.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { argv, pid } from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')
const target = join(root, 'dist')
const stamp = join(target, '.sources')

/** Compiles if anything has changed. Several processes may do so at once, since each file is replaced in one step. */
export async function build() {
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  // Read before the files are compiled: an edit in between then differs from this state, and is compiled next time.
  const state = [...files, fileURLToPath(import.meta.url)].map(stateOf).join('\n')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return

  const { outputFiles } = await compile(files.filter((file) => file.endsWith('.ts')))
  const others = files.filter((file) => !file.endsWith('.ts'))
  const written = new Set([
    ...outputFiles.map(({ path }) => path),
    ...others.map((file) => join(target, relative(source, file))),
  ])
  for (const { path, contents } of outputFiles) replace(path, (file) => writeFileSync(file, contents))
  for (const file of others) replace(join(target, relative(source, file)), (copy) => copyFileSync(file, copy))
  removeOthers(written)
  replace(stamp, (file) => writeFileSync(file, state))
}

function stateOf(file) {
  const { mtimeMs, size } = statSync(file)
  return `${relative(root, file)} ${mtimeMs} ${size}`
}

async function compile(entryPoints) {
  const esbuild = await import('esbuild')
  return esbuild.build({
    entryPoints,
    outbase: source,
    outdir: target,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    tsconfig: join(root, 'tsconfig.json'),
    // Every file stays a file of its own, so that commands load only what they need, and files find others beside them.
    plugins: [
      {
        name: 'file-by-file',
        setup: ({ onResolve }) =>
          onResolve({ filter: /.*/ }, ({ kind, path }) =>
            kind === 'entry-point'
              ? undefined
              : { path: path.replace(/^(\..*)\.ts$/, '$1.js'), external: true },
          ),
      },
    ],
  })
}

/** Writes a file under another name and renames it: another process may be reading the old one. */
function replace(file, write) {
  const unfinished = `${file}.${pid}.unfinished`
  mkdirSync(dirname(file), { recursive: true })
  write(unfinished)
  renameSync(unfinished, file)
}

/** Removes the outputs of deleted sources, but not the types, which another tool writes. */
function removeOthers(written) {
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (entry.isFile() && /\.(js|map|mjs|sql)$/.test(file) && !written.has(file))
      rmSync(file, { force: true })
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) await build()

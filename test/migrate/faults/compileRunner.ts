import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Migration } from '../../../src/migrate/migration.ts'

/** A program that Node starts without a compiler. */
export interface CompiledRunner {
  path: string
  [Symbol.asyncDispose](): Promise<void>
}

const root = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * Compiles runnerProcess.ts, the migrations and the packages that they import into one file, as it is started again
 * after every kill: that takes a fifth of the work of loading them one by one. No fault is meant for the loading.
 */
export async function compileRunner(migrations: Migration[]): Promise<CompiledRunner> {
  const directory = await mkdtemp(join(tmpdir(), 'runner-'))
  const path = join(directory, 'runner.mjs')
  await build({
    stdin: { contents: programFor(migrations), resolveDir: root },
    outfile: path,
    bundle: true,
    alias: { hundredfold: join(root, 'src/index.ts') },
    // The parser finds its WebAssembly beside itself; jiti is not needed here; Node finds a URL by itself.
    external: ['libpg-query', 'jiti', 'file:*'],
    // Packages that are CommonJS ask for Node's own modules by `require`.
    banner: { js: `import module from 'node:module'; const require = module.createRequire(import.meta.url)` },
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  })
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

function programFor(migrations: Migration[]): string {
  const modules = migrations.map(({ path }, at) => `import * as m${at} from ${JSON.stringify(path)}`)
  const all = migrations.map(
    ({ name, path, checksum }, at) => `{ ...m${at}, ...${JSON.stringify({ name, path, checksum })} }`,
  )
  return `
    import { runJobs } from './test/migrate/faults/runnerProcess.ts'
    ${modules.join('\n')}
    runJobs([${all.join(', ')}])`
}

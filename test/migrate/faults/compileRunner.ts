import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A program that Node starts without a compiler. */
export interface CompiledRunner {
  path: string
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Compiles runnerProcess.ts and what it imports once, as it is started again after every kill: that halves its start.
 * The files lie as they do in `dist/`, so that migration files find the program that runs them.
 */
export async function compileRunner(): Promise<CompiledRunner> {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const directory = await mkdtemp(join(tmpdir(), 'runner-'))
  await build({
    entryPoints: {
      'migrate/runnerProcess': join(root, 'test/migrate/faults/runnerProcess.ts'),
      index: join(root, 'src/index.ts'),
    },
    outdir: directory,
    chunkNames: 'migrate/[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  })
  const hook = 'migrate/resolveOwnPackage.mjs'
  await copyFile(join(root, 'src', hook), join(directory, hook))
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  return {
    path: join(directory, 'migrate/runnerProcess.mjs'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { engineIsMissing, nextDirectory } from '../../support/engines.ts'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))

const usage = `
import type { CacheHandler as UseCacheHandler } from 'next/dist/server/lib/cache-handlers/types.js'
import type { CacheHandler } from 'next/dist/server/lib/incremental-cache/index.js'
import type { revalidateTag } from 'next/dist/server/web/spec-extension/revalidate.js'
import type { NextCacheSettings } from '../../../src/cache/next/index.ts'
import { createCacheHandler, createUseCacheHandler, revalidateRoute } from '../../../src/cache/next/index.ts'

// @ts-expect-error Next's types are found, and want more.
export const wrong: [UseCacheHandler, CacheHandler] = [{}, {}]
export const one = (settings: NextCacheSettings): UseCacheHandler => createUseCacheHandler(settings)
export const other = (settings: NextCacheSettings): Pick<CacheHandler, 'revalidateTag' | 'resetRequestCache'> =>
  new (createCacheHandler(settings))()
export const route = (tag: typeof revalidateTag) =>
  revalidateRoute({ revalidateTag: tag, revalidateAll: () => undefined, token: 'a' })
`

describe.skipIf(engineIsMissing('next'))('the types', () => {
  it("are those that Next's own types ask for", () => {
    const folder = mkdtempSync(join(nextDirectory, 'types-'))
    try {
      const file = join(folder, 'usage.ts')
      writeFileSync(file, usage)
      const compiler = join(checkout, 'node_modules/typescript/bin/tsc')
      const { stdout } = spawnSync(
        process.execPath,
        [
          ...[
            compiler,
            '--ignoreConfig',
            '--noEmit',
            '--strict',
            '--skipLibCheck',
            '--allowImportingTsExtensions',
          ],
          ...['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,dom', '--types', 'node'],
          ...['--typeRoots', join(checkout, 'node_modules/@types'), file],
        ],
        { cwd: checkout, encoding: 'utf8' },
      )
      expect(stdout).toBe('')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

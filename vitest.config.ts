import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import LongestFirst from './test/support/sequencer.ts'
import Summary from './test/support/summary.ts'

export default defineConfig({
  // As tsconfig.json has it: tests run on the sources.
  resolve: { alias: { hundredfold: fileURLToPath(new URL('src/index.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/server.ts'],
    setupFiles: ['test/support/keepForReuse.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new Summary()],
    // What commands print is compared as text; `CI` alone would turn colours on.
    env: { NO_COLOR: '1' },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One PostgreSQL server serves all files; more workers than cores only slow it down.
    maxWorkers: 2,
    // Each worker loads what its files import once and runs it warm, so a file must leave no state in a module.
    isolate: false,
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/server.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One PostgreSQL server serves all files; more workers than cores only slow it down.
    maxWorkers: 2,
  },
})

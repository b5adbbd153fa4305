#!/usr/bin/env node
// The program is TypeScript and so are the migrations that it loads; tsx lets Node 20 read both.
import 'tsx'

const { main } = await import('../src/cli.ts')
await main(process.argv)

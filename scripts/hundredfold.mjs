#!/usr/bin/env node
// The entry point of the program. It loads little: each command loads what it needs.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { argv, cwd, stderr } from 'node:process'
import { pathToFileURL } from 'node:url'
import { findOtherInstall } from './projectInstall.mjs'

const root = new URL('..', import.meta.url)
const other = findOtherInstall(root, cwd())

if (other) {
  if (other.notice) stderr.write(other.notice)
  argv[1] = other.program
  await import(pathToFileURL(other.program).href)
} else {
  // Node 22.1 and newer can cache compiled code.
  module.enableCompileCache?.()
  const { main } = await import(await findProgram())
  await main(argv)
}

/** The program of the package; a checkout compiles its own first. If that fails, the sources, which start more slowly. */
async function findProgram() {
  const compiled = new URL('dist/cli.js', root).href
  const sources = new URL('src/cli.ts', root)
  if (!existsSync(sources)) return new URL('lib/cli.js', root).href
  const { build } = await import('./build.mjs')
  try {
    await build()
    return compiled
  } catch {
    await import('tsx')
    return sources.href
  }
}

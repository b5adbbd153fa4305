// Times a stranger's path in an empty folder: install the packed program, a first report, a first reviewed migration.
// Needs DIRECT_URL, a database with something to find, and a registry or npm's cache.
// Usage: DIRECT_URL=... node scripts/time-stranger.mjs
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env, exit, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'

/** How long each stage may take, counted from the beginning. */
const limits = { report: 60, migration: 180 }

if (!env.DIRECT_URL) {
  stdout.write('Set DIRECT_URL to a database with something to find.\n')
  exit(5)
}
const checkout = fileURLToPath(new URL('..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'stranger-'))
try {
  const listed = execFileSync('npm', ['pack', '--silent', '--pack-destination', place], {
    cwd: checkout,
    encoding: 'utf8',
  })
  const tarball = join(place, listed.trim().split('\n').at(-1) ?? '')
  const began = performance.now()
  const step = (command, ...args) => {
    const { status, stderr } = spawnSync(command, args, { cwd: place, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`)
    const seconds = (performance.now() - began) / 1_000
    stdout.write(
      `${seconds.toFixed(1).padStart(6)} s  ${command} ${args.join(' ').replace(tarball, 'hundredfold')}\n`,
    )
    return seconds
  }
  step('npm', 'init', '-y')
  step('npm', 'install', '--save-dev', '--no-audit', '--no-fund', tarball)
  const report = step('npx', 'hundredfold', 'diagnose')
  step('npx', 'hundredfold', 'init', '--yes')
  step('npm', 'run', 'optimize', '--', '--level', 'info', '--yes')
  const migration = step('npm', 'run', 'migrate', 'plan')
  const met = report < limits.report && migration < limits.migration
  stdout.write(
    `First report after ${report.toFixed(1)} s (limit ${limits.report} s), first reviewed migration after ` +
      `${migration.toFixed(1)} s (limit ${limits.migration} s): ${met ? 'met' : 'not met'}.\n`,
  )
  if (!met) exit(2)
} finally {
  rmSync(place, { recursive: true, force: true })
}

import { test } from 'vitest'
import { writeFileSync, mkdirSync, rmSync, readdirSync, existsSync, readFileSync } from 'node:fs'
import { createDatabase } from './support/database.ts'
import { createAuthPlatform } from './support/authPlatform.ts'
import { fillSchema } from './support/fillSchema.ts'
import { people } from './support/sixIdentities.ts'
import { callCommand } from './support/commandLine.ts'
import { readFingerprint } from '../src/fingerprint/fingerprint.ts'
import { rules } from '../src/rules/index.ts'

const all = ['tenants', 'marketplace', 'chat', 'courses', 'tracker', 'shop', 'analytics', 'events']
const names = rules.map(({ name }) => name).filter((name) => name !== 'missing_statement_timeout').join(',')
const level = process.env['LEVEL'] ?? 'info'
for (const name of (process.env['ONLY'] ?? all.join(',')).split(',')) test(name, async () => {
  const database = await createDatabase()
  const superuser = await database.connect()
  const owner = await database.connect(database.ownerUrl)
  const lap = (() => { let t = Date.now(); return (what: string) => { console.log(name, what, Date.now() - t); t = Date.now() } })()
  await createAuthPlatform(superuser)
  await owner.query(readFileSync(new URL('./optimize/teams/' + name + '.sql', import.meta.url), 'utf8'))
  const filled = await fillSchema(superuser, { people: [...people], rows: Number(process.env['ROWS'] ?? 10) })
  console.log(filled)
  await superuser.query('VACUUM ANALYZE')
  lap('create')
  const dir = '/tmp/ten/' + name; rmSync(dir, { recursive: true, force: true }); mkdirSync(dir)
  const env = { environment: { DIRECT_URL: database.ownerUrl }, directory: dir }
  const before = (await readFingerprint(superuser)).text
  lap('fingerprint')
  const run = async (what: string, ...args: string[]) => {
    const r = await callCommand(args, env)
    lap(what + ' ' + r.exitCode); writeFileSync(dir + '/' + what + '.txt', r.out + r.err)
    if (r.exitCode !== 0) console.log(r.err)
  }
  await run('diagnose', 'diagnose', '--rules', names)
  await run('optimize', 'optimize', '--rules', names, '--level', level, '--yes', '--json', dir + '/optimize.json')
  console.log('files', existsSync(dir + '/migrations') ? readdirSync(dir + '/migrations').length : 0)
  await run('up', 'migrate', 'up')
  await run('diagnose2', 'diagnose', '--rules', names)
  await run('optimize2', 'optimize', '--rules', names, '--level', level, '--yes', '--json', dir + '/optimize2.json')
  console.log(JSON.parse(readFileSync(dir + '/optimize2.json', 'utf8')).written)
  const written = new Set(JSON.parse(readFileSync(dir + '/optimize.json', 'utf8')).written.map((w: { key: string }) => w.key))
  const folders = readdirSync(dir).filter((f) => f.startsWith('diagnostics-')).sort()
  const findings = JSON.parse(readFileSync(dir + '/' + folders[1] + '/report.json', 'utf8')).findings as { key: string }[]
  console.log('left', findings.filter((f) => written.has(f.key)))
  await run('down', 'migrate', 'down', '1000')
  const after = (await readFingerprint(superuser)).text
  console.log(name, 'same fingerprint', before === after)
  if (before !== after) { writeFileSync(dir + '/fp1', before); writeFileSync(dir + '/fp2', after) }
  await database.drop()
}, 900_000)

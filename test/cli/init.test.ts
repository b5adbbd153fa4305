import { readdirSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'
import { makeProject } from '../support/project.ts'

const filesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()

test('shows what it will write, and writes nothing where nobody can be asked', async () => {
  using project = makeProject({ 'package.json': { name: 'a' } })
  const { exitCode, out, err } = await callCommand(['init'], { directory: project.directory })
  expect(out).toMatch(/create {2}migrations\/\.gitkeep/)
  expect(out).toMatch(/change {2}package\.json .* scripts hundredfold, diagnose, optimize, migrate/)
  expect(err).toContain('Run it again with --yes')
  expect(exitCode).toBe(5)
  expect(filesIn(project.directory)).toEqual(['package.json'])
})

test('writes with --yes, and has nothing to do the next time', async () => {
  using project = makeProject({ 'package.json': { name: 'a' }, 'knexfile.js': '' })
  const first = await callCommand(['init', '--yes', '--json', '-'], { directory: project.directory })
  expect(JSON.parse(first.out)).toMatchObject({
    command: 'init',
    tool: 'knex',
    migrations: 'hundredfold/migrations',
    packageManager: 'npm',
    written: [
      { file: 'hundredfold/migrations/.gitkeep' },
      { file: '.hundredfold/project.json' },
      { file: 'package.json' },
      { file: '.env.example' },
      { file: '.gitignore' },
      { file: '.github/workflows/hundredfold.yml' },
    ],
  })
  const second = await callCommand(['init'], { directory: project.directory })
  expect(second).toMatchObject({ exitCode: 0, err: '' })
  expect(second.out).toContain('Everything is in place.')
})

test('two migration tools are both named, with what to do', async () => {
  using project = makeProject({ 'prisma/schema.prisma': '', 'knexfile.js': '' })
  const { out } = await callCommand(['init'], { directory: project.directory })
  expect(out).toContain('Migration tool: Prisma (prisma/schema.prisma)')
  expect(out).toContain('Migration tool: Knex (knexfile.js)')
  expect(out).toContain('run `hundredfold init` with --tool and the name')
})

test('later commands use the directory that it has chosen', async () => {
  using project = makeProject({ 'knexfile.js': '' })
  await callCommand(['init', '--yes'], { directory: project.directory })
  const { out } = await callCommand(['migrate', 'new', 'create-a'], { directory: project.directory })
  expect(out).toMatch(/^hundredfold\/migrations\/\d{17}_create-a\.ts\n$/)
})

test('a file in the place of a directory is named, and nothing is written', async () => {
  using project = makeProject({ 'knexfile.js': '', hundredfold: 'a file' })
  const { exitCode, err } = await callCommand(['init', '--yes'], { directory: project.directory })
  expect(err).toMatch(
    /hundredfold is a file, where a directory for hundredfold\/migrations\/\.gitkeep is needed/,
  )
  expect(exitCode).toBe(5)
  expect(filesIn(project.directory)).toEqual(['hundredfold', 'knexfile.js'])
})

test('after Ctrl-C another run writes what is missing', async () => {
  using project = makeProject({ 'package.json': { name: 'a' } })
  const { directory } = project
  const stopped = AbortSignal.abort()
  const { exitCode, err } = await callCommand(['init', '--yes'], { directory, signal: stopped })
  expect(err).toContain('Stopped.')
  expect(exitCode).toBe(1)
  expect(filesIn(directory)).toEqual(['package.json'])
  await callCommand(['init', '--yes'], { directory })
  await rm(join(directory, '.env.example'))
  const { out } = await callCommand(['init', '--yes'], { directory })
  expect(out.match(/^ {2}(create|change) .*$/gm)).toEqual([
    '  create  .env.example  DIRECT_URL, DATABASE_URL',
  ])
  expect(filesIn(directory).filter((name) => name.includes('unfinished'))).toEqual([])
})

test('settings that are wrong are named', async () => {
  using project = makeProject({ '.hundredfold/project.json': { migrations: 1 } })
  const { exitCode, err } = await callCommand(['migrate', 'status'], { directory: project.directory })
  expect(err).toMatch(/\.hundredfold\/project\.json cannot be read: migrations: /)
  expect(exitCode).toBe(5)
})

test('what is there is not written over', async () => {
  using project = makeProject({ 'package.json': { name: 'a' } })
  await writeFile(join(project.directory, '.env.example'), 'OWN=1')
  await callCommand(['init', '--yes'], { directory: project.directory })
  expect(await readFile(join(project.directory, '.env.example'), 'utf8')).toMatch(/^OWN=1\n# /)
})

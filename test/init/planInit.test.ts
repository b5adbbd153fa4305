import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { planInit } from '../../src/init/planInit.ts'
import { workflowText } from '../../src/init/workflow.ts'
import { writeInit } from '../../src/init/writeInit.ts'
import { packageManagerOf } from '../../src/project/packageManager.ts'
import { ProjectFiles } from '../../src/project/projectFiles.ts'
import { makeProject } from '../support/project.ts'

const pathsOf = (project: ProjectFiles) => planInit(project).files.map(({ path }) => path)

describe('the directory of migrations', () => {
  test('is migrations/ in a project without another tool', () => {
    using project = makeProject({ 'package.json': {} })
    expect(planInit(project).settings).toEqual({ migrations: 'migrations' })
    expect(pathsOf(project)).toContain('migrations/.gitkeep')
    expect(pathsOf(project)).not.toContain('.hundredfold/project.json')
  })

  test('is that one too if it has migrations of ours', () => {
    using project = makeProject({ 'migrations/20260101000000000_create-a.ts': '' })
    expect(planInit(project).settings).toEqual({ migrations: 'migrations' })
    expect(pathsOf(project)).not.toContain('migrations/.gitkeep')
  })

  test('is another one if migrations/ has files of somebody else', () => {
    using project = makeProject({ 'migrations/0001_init.sql': '' })
    expect(planInit(project).settings.migrations).toBe('hundredfold/migrations')
  })

  test('is another one beside a tool, which the settings name', () => {
    using project = makeProject({ 'prisma/schema.prisma': '' })
    expect(planInit(project).settings).toEqual({ migrations: 'hundredfold/migrations', tool: 'prisma' })
  })

  test('of two tools, the settings name the one that was asked for', () => {
    using project = makeProject({ 'prisma/schema.prisma': '', 'knexfile.js': '' })
    expect(planInit(project).settings.tool).toBeUndefined()
    expect(planInit(project, { tool: 'knex' }).settings.tool).toBe('knex')
  })

  test('stays where an earlier run has put it', () => {
    using project = makeProject({ '.hundredfold/project.json': { migrations: 'db/own', tool: 'knex' } })
    expect(planInit(project).settings).toEqual({ migrations: 'db/own', tool: 'knex' })
    expect(pathsOf(project)).not.toContain('.hundredfold/project.json')
  })
})

describe('package.json', () => {
  test('keeps its indentation, line ends and order, and gets the scripts', () => {
    const text = '{\r\n\t"name": "a",\r\n\t"scripts": {\r\n\t\t"test": "x"\r\n\t},\r\n\t"type": "module"\r\n}'
    using project = makeProject({ 'package.json': text })
    expect(planInit(project).files.find(({ path }) => path === 'package.json')?.text).toBe(
      text.replace(
        '"x"\r\n',
        '"x",\r\n\t\t"hundredfold": "hundredfold",\r\n\t\t"diagnose": "hundredfold diagnose",\r\n\t\t"optimize": "hundredfold optimize",\r\n\t\t"migrate": "hundredfold migrate"\r\n',
      ),
    )
  })

  test('keeps a script of the same name, and the plan says so', () => {
    using project = makeProject({ 'package.json': { scripts: { migrate: 'knex migrate:latest' } } })
    const { files, kept } = planInit(project)
    expect(files.find(({ path }) => path === 'package.json')?.text).toContain('knex migrate:latest')
    expect(kept).toEqual([
      { path: 'package.json', reason: 'script migrate of yours; ours would be `hundredfold migrate`' },
    ])
  })

  test('may be absent', () => {
    using project = makeProject({ 'sqitch.plan': '' })
    expect(planInit(project).kept).toEqual([
      { path: 'package.json', reason: 'there is none, so there are no scripts' },
    ])
  })
})

test('lines are added once, behind what is there', () => {
  using project = makeProject({
    '.env.example': 'DATABASE_URL=postgres://x',
    '.gitignore': 'diagnostics-*/\n',
  })
  const textOf = (name: string) => planInit(project).files.find(({ path }) => path === name)?.text
  expect(textOf('.env.example')).toMatch(/^DATABASE_URL=postgres:\/\/x\n# .*\nDIRECT_URL=\n$/)
  expect(textOf('.gitignore')).toBe('diagnostics-*/\n.hundredfold/history-*.json\n')
})

test('a second run wants nothing', async () => {
  using project = makeProject({ 'package.json': { name: 'a' }, 'knexfile.js': '' })
  const { files } = planInit(project)
  expect(files).toHaveLength(6)
  await writeInit(project.directory, files)
  const again = planInit(new ProjectFiles(project.directory))
  expect([again.files, again.kept]).toEqual([[], []])
})

describe('the workflow', () => {
  test.each<[string, Record<string, string>, string]>([
    ['npm', {}, 'npx hundredfold migrate plan'],
    ['pnpm', { 'pnpm-lock.yaml': '' }, 'pnpm exec hundredfold migrate plan'],
    ['yarn', { 'yarn.lock': '__metadata:' }, 'yarn hundredfold migrate plan'],
    ['bun', { 'bun.lock': '' }, 'bunx hundredfold migrate plan'],
  ])('is valid YAML with the commands of %s', (_, files, command) => {
    using project = makeProject(files)
    const text = workflowText(packageManagerOf(project), 'db/migrations')
    const workflow = parse(text) as {
      on: { pull_request: { paths: string[] } }
      jobs: Record<string, { steps: { run?: string; uses?: string }[] }>
    }
    expect(Object.keys(workflow.jobs)).toEqual(['plan', 'deploy', 'diagnose'])
    expect(workflow.on.pull_request.paths).toEqual(['db/migrations/**'])
    const runs = workflow.jobs['plan']?.steps.map(({ run }) => run ?? '') ?? []
    expect(runs.join('\n')).toContain(`${command} > plan.md`)
    expect(runs).toContain(packageManagerOf(project).installLocked)
  })

  test('that somebody has changed is kept', () => {
    using project = makeProject({ '.github/workflows/hundredfold.yml': 'name: mine' })
    expect(planInit(project).kept.map(({ path }) => path)).toContain('.github/workflows/hundredfold.yml')
    expect(pathsOf(project)).not.toContain('.github/workflows/hundredfold.yml')
  })
})

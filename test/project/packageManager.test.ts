import { expect, test } from 'vitest'
import { packageManagerOf } from '../../src/project/packageManager.ts'
import { makeProject } from '../support/project.ts'

test.each<[string, Record<string, string | object>, string[]]>([
  ['nothing', {}, ['npm', 'npm ci', 'npx hundredfold', 'npm run diagnose -- --json -']],
  [
    'pnpm-lock.yaml',
    { 'pnpm-lock.yaml': '' },
    ['pnpm', 'pnpm install --frozen-lockfile', 'pnpm exec hundredfold', 'pnpm run diagnose --json -'],
  ],
  [
    'a yarn.lock of yarn 1',
    { 'yarn.lock': '# yarn lockfile v1' },
    ['yarn', 'yarn install --frozen-lockfile', 'yarn hundredfold', 'yarn run diagnose --json -'],
  ],
  [
    'a newer yarn.lock',
    { 'yarn.lock': '__metadata:' },
    ['yarn', 'yarn install --immutable', 'yarn hundredfold', 'yarn run diagnose --json -'],
  ],
  [
    'bun.lock',
    { 'bun.lock': '' },
    ['bun', 'bun install --frozen-lockfile', 'bunx hundredfold', 'bun run diagnose --json -'],
  ],
  [
    'packageManager, whatever lies there',
    { 'package.json': { packageManager: 'pnpm@10.1.0' }, 'yarn.lock': '' },
    ['pnpm', 'pnpm install --frozen-lockfile', 'pnpm exec hundredfold', 'pnpm run diagnose --json -'],
  ],
])('%s decides how a project installs and calls', (_, files, expected) => {
  using project = makeProject(files)
  const manager = packageManagerOf(project)
  expect([
    manager.name,
    manager.installLocked,
    manager.exec('hundredfold'),
    manager.run('diagnose', '--json -'),
  ]).toEqual(expected)
})

test('npm takes a word as it is, and options after two dashes', () => {
  using project = makeProject({})
  const { run } = packageManagerOf(project)
  expect([run('diagnose'), run('migrate', 'plan'), run('migrate', 'up --to x')]).toEqual([
    'npm run diagnose',
    'npm run migrate plan',
    'npm run migrate -- up --to x',
  ])
})

import type { ProjectFiles } from './projectFiles.ts'

/** How a project installs packages and runs its scripts. */
export interface PackageManager {
  name: 'npm' | 'pnpm' | 'yarn' | 'bun'
  /** Installs what the lock file says, for a workflow. */
  installLocked: string
  /** Adds a package for development. */
  add(name: string): string
  /** Runs a program of an installed package. */
  exec(command: string): string
  /** Runs a script of package.json with arguments. */
  run(script: string, args?: string): string
}

const npm: PackageManager = {
  name: 'npm',
  installLocked: 'npm ci',
  add: (name) => `npm install --save-dev ${name}`,
  exec: (command) => `npx ${command}`,
  // npm takes options for itself unless they follow two dashes.
  run: (script, args = '') =>
    ['npm', 'run', script, ...(/(^|\s)-/.test(args) ? ['--'] : []), args].join(' ').trim(),
}
const pnpm: PackageManager = {
  name: 'pnpm',
  installLocked: 'pnpm install --frozen-lockfile',
  add: (name) => `pnpm add --save-dev ${name}`,
  exec: (command) => `pnpm exec ${command}`,
  run: (script, args = '') => `pnpm run ${script} ${args}`.trim(),
}
const yarn: PackageManager = {
  name: 'yarn',
  installLocked: 'yarn install --immutable',
  add: (name) => `yarn add --dev ${name}`,
  exec: (command) => `yarn ${command}`,
  run: (script, args = '') => `yarn run ${script} ${args}`.trim(),
}
/** The first yarn, whose lock file says so, has another option. */
const yarnClassic: PackageManager = { ...yarn, installLocked: 'yarn install --frozen-lockfile' }
const bun: PackageManager = {
  name: 'bun',
  installLocked: 'bun install --frozen-lockfile',
  add: (name) => `bun add --dev ${name}`,
  exec: (command) => `bunx ${command}`,
  run: (script, args = '') => `bun run ${script} ${args}`.trim(),
}

/** By `packageManager` in package.json, else by the lock file, else npm. */
export function packageManagerOf(files: ProjectFiles): PackageManager {
  const [, name, major] = /^(npm|pnpm|yarn|bun)@(\d+)/.exec(files.manifest?.packageManager ?? '') ?? []
  if (name === 'npm') return npm
  if (name === 'pnpm' || (name === undefined && files.has('pnpm-lock.yaml'))) return pnpm
  if (name === 'bun' || (name === undefined && files.firstOf('bun.lock', 'bun.lockb') !== undefined))
    return bun
  if (name === 'yarn') return major === '1' ? yarnClassic : yarn
  if (name !== undefined || !files.has('yarn.lock')) return npm
  return files.read('yarn.lock')?.includes('yarn lockfile v1') ? yarnClassic : yarn
}

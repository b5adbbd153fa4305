import type { InitPlan } from '../init/planInit.ts'

/** What was found in the project, and what would be written. */
export function initPlanLines({ tools, packageManager, settings, files, kept }: InitPlan): string[] {
  const rows = [
    ...files.map(({ path, isNew, what }) => [isNew ? 'create' : 'change', path, what] as const),
    ...kept.map(({ path, reason }) => ['keep', path, reason] as const),
  ]
  const width = Math.max(0, ...rows.map(([, path]) => path.length))
  return [
    `Package manager: ${packageManager.name}`,
    ...toolLines(tools, settings),
    ...rows.map(([verb, path, text]) => `  ${verb.padEnd(6)}  ${path.padEnd(width)}  ${text}`),
  ]
}

function toolLines(tools: InitPlan['tools'], { migrations, tool }: InitPlan['settings']): string[] {
  if (tools.length === 0) return [`Migrations: ${migrations}`]
  const several = tools.length > 1 && tool === undefined
  return [
    ...tools.map(({ title, by }) => `Migration tool: ${title} (${by})`),
    ...(several
      ? [
          'These are several tools: run `hundredfold init` with --tool and the name of the one that your team deploys with.',
        ]
      : []),
    `Migrations: ${migrations}, with a ledger of their own. The files and the ledger of ${tools.map(({ title }) => title).join(' and ')} stay as they are.`,
  ]
}

/** What to do after `init`. */
export function nextLines({ packageManager, isInstalled, kept }: InitPlan): string[] {
  const ownScripts = kept.some(({ path }) => path === 'package.json')
  const call = (name: string, args?: string) =>
    ownScripts
      ? packageManager.exec(['hundredfold', name, args].filter(Boolean).join(' '))
      : packageManager.run(name, args)
  return [
    'Next:',
    ...(isInstalled ? [] : [`  ${packageManager.add('hundredfold')}`]),
    '  set DIRECT_URL in .env',
    `  ${call('diagnose')}`,
    `  ${call('optimize')}`,
    `  ${call('migrate', 'plan')}`,
  ]
}

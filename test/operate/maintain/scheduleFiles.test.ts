import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { periods } from '../../../src/operate/maintain/period.ts'
import { crontabLine, systemdFiles } from '../../../src/operate/maintain/scheduleFiles.ts'
import { callCommand } from '../../support/commandLine.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { engineIsMissing, programPath } from '../../support/engines.ts'

let database: TestDatabase
let project: string

beforeAll(async () => {
  database = await createDatabase()
  // Everything that a shell, cron or systemd reads.
  project = join(await mkdtemp(join(tmpdir(), 'hundredfold-schedule-')), `it's 100% "new" $HOME`)
  await mkdir(project)
  await writeFile(join(project, '.env'), `DIRECT_URL=${database.ownerUrl}\n`)
})
afterAll(async () => {
  await rm(join(project, '..'), { recursive: true })
  await database.drop()
})

const write = (scheduler: string, period: string, ...more: string[]) =>
  callCommand(['maintain', period, '--schedule', scheduler, '--out', 'the reports', ...more], {
    directory: project,
  })

test('the line for crontab does the work, with the URL from .env', async () => {
  const { out, exitCode } = await write('crontab', 'weekly')
  expect(exitCode).toBe(0)
  expect(out).toMatch(/^7 3 \* \* 0 cd /)
  expect(out).not.toContain('postgresql://')
  const command = out.trim().split(' ').slice(5).join(' ')
  // As cron reads it: a bare % would end the command.
  expect(command).not.toMatch(/(?<!\\)%/)
  const { stdout, status } = spawnSync('/bin/sh', ['-c', command.replaceAll('\\%', '%')], {
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  })
  // Whether it finds an error on the server that all tests share is not the question.
  expect([0, 2]).toContain(status)
  expect(stdout).toContain('Due: a look at everything')
  expect(await readdir(join(project, 'the reports'))).toHaveLength(1)
  const { rows } = await (
    await database.connect()
  ).query(`SELECT subject FROM hundredfold.maintenance WHERE task = 'look'`)
  expect(rows).toEqual([{ subject: 'weekly' }])
}, 60_000)

test.skipIf(engineIsMissing('systemd-analyze')).each(periods)(
  'systemd takes the %s units',
  async (period) => {
    const into = join(project, 'units')
    const { exitCode, out } = await write('systemd', period, '--into', into, '--yes')
    expect(exitCode).toBe(0)
    expect(out).toContain(`systemctl enable --now hundredfold-${period}.timer`)
    const units = ['service', 'timer'].map((kind) => join(into, `hundredfold-${period}.${kind}`))
    const { status, stderr } = spawnSync(programPath('systemd-analyze'), ['verify', '--man=no', ...units], {
      encoding: 'utf8',
    })
    expect(stderr.split('\n').filter((line) => line.includes('hundredfold'))).toEqual([])
    expect(status).toBe(0)
    const timer = await readFile(units[1] ?? '', 'utf8')
    const calendar = /OnCalendar=(.*)/.exec(timer)?.[1] ?? ''
    expect(spawnSync(programPath('systemd-analyze'), ['calendar', calendar]).status).toBe(0)
  },
)

test('systemd reads the words of the command as they are', () => {
  const call = {
    period: 'daily',
    directory: '/srv/a b',
    program: ['/usr/bin/node', '/srv/100%/$x "y"\\z'],
  } as const
  const [service] = systemdFiles({ ...call, program: [...call.program], out: '.' })
  expect(service?.text).toContain(
    'ExecStart="/usr/bin/node" "/srv/100%%/$$x \\"y\\"\\\\z" "maintain" "daily"',
  )
  expect(service?.text).toContain('WorkingDirectory=/srv/a b\n')
})

test('a bare % does not end the command of cron', () => {
  const call = { period: 'daily', directory: '/srv/100%', program: ['/usr/bin/node'], out: '.' } as const
  expect(crontabLine({ ...call, program: [...call.program] })).toContain(
    String.raw`cd '/srv/100\%' && /usr/bin/node`,
  )
})

test.each(periods)('the %s workflow parses, has the schedule and refers to the secret', async (period) => {
  const { out, exitCode } = await write('github', period)
  expect(exitCode).toBe(0)
  const workflow = parse(out) as {
    on: { schedule: { cron: string }[] }
    jobs: Record<string, { 'runs-on': string; steps: { run?: string; uses?: string; env?: object }[] }>
  }
  expect(workflow.on.schedule[0]?.cron.split(' ')).toHaveLength(5)
  const { steps } = workflow.jobs['maintain'] ?? { steps: [] }
  expect(steps.every(({ run, uses }) => (run === undefined) !== (uses === undefined))).toBe(true)
  expect(steps.at(-1)).toMatchObject({
    env: { DIRECT_URL: '${{ secrets.DIRECT_URL }}' },
    run: `npx hundredfold maintain ${period} --out 'the reports' --yes`,
  })
})

test('files are not written over, and not without a yes', async () => {
  const into = join(project, 'workflows')
  expect((await write('github', 'daily', '--into', into)).exitCode).toBe(5)
  expect((await write('github', 'daily', '--into', into, '--yes')).exitCode).toBe(0)
  const again = await write('github', 'daily', '--into', into, '--yes')
  expect(again.exitCode).not.toBe(0)
  expect(again.err).toContain('maintain-daily.yml')
})

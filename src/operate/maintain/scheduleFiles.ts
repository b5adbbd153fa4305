import { stringify } from 'yaml'
import type { Period } from './period.ts'
import { shellWord } from '../../shellWord.ts'

/** How a scheduler outside of the database calls maintenance. None of it has a URL or password. */
export interface ScheduledCall {
  period: Period
  /** The folder of the project, whose `.env` has DIRECT_URL. */
  directory: string
  /** The programs to start and their first arguments: `/usr/bin/node`, `/srv/shop/node_modules/hundredfold/...`. */
  program: string[]
  /** The folder for reports, as `--out` has it. */
  out: string
}

/** A file that a scheduler reads; a crontab's line has no file of its own. */
export interface ScheduleFile {
  name: string
  text: string
}

/** In the server's own time for systemd and cron, in UTC for GitHub: nights, one after the other. */
const times: Record<Period, { cron: string; calendar: string }> = {
  daily: { cron: '37 2 * * *', calendar: '*-*-* 02:37:00' },
  weekly: { cron: '7 3 * * 0', calendar: 'Sun *-*-* 03:07:00' },
  monthly: { cron: '37 3 1 * *', calendar: '*-*-01 03:37:00' },
  quarterly: { cron: '7 4 1 1,4,7,10 *', calendar: '*-01,04,07,10-01 04:07:00' },
}

function argumentsOf({ period, out }: Pick<ScheduledCall, 'period' | 'out'>): string[] {
  return ['maintain', period, '--out', out, '--yes']
}

/**
 * A service and its timer. A run that was missed, since the machine was off, is made up for.
 *
 * ```ini
 * ExecStart="/usr/bin/node" "/srv/shop/node_modules/hundredfold/scripts/hundredfold.mjs" "maintain" "daily" ...
 * ```
 */
export function systemdFiles(call: ScheduledCall): ScheduleFile[] {
  const { period, directory, program } = call
  const name = `hundredfold-${period}`
  const command = [...program, ...argumentsOf(call)].map(systemdWord).join(' ')
  return [
    {
      name: `${name}.service`,
      text: `[Unit]
Description=Maintenance of the database, ${period}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# DIRECT_URL comes from .env in this folder, or from this file, which only root need be able to read.
WorkingDirectory=${systemdPath(directory)}
EnvironmentFile=-/etc/hundredfold.env
# A findings exit code (2 an error was found or a task failed, 4 worse than the last report) marks the unit as failed.
ExecStart=${command}
`,
    },
    {
      name: `${name}.timer`,
      text: `[Unit]
Description=Maintenance of the database, ${period}

[Timer]
OnCalendar=${times[period].calendar}
Persistent=true

[Install]
WantedBy=timers.target
`,
    },
  ]
}

/** A line for `crontab -e`. cron mails what the command prints. */
export function crontabLine(call: ScheduledCall): string {
  const words = [...call.program, ...argumentsOf(call)].map(shellWord).join(' ')
  // cron takes a bare % for the end of the line.
  const command = `cd ${shellWord(call.directory)} && ${words}`.replaceAll('%', '\\%')
  return `${times[call.period].cron} ${command}\n`
}

/**
 * A workflow of GitHub. It keeps the reports in its cache, since each run begins on an empty machine and the weekly report
 * is compared with the last one.
 */
export function githubFile({ period, out }: Pick<ScheduledCall, 'period' | 'out'>): ScheduleFile {
  const name = `maintain-${period}`
  const key = `hundredfold-reports-${period}-`
  const workflow = {
    name: `maintain ${period}`,
    on: { schedule: [{ cron: times[period].cron }], workflow_dispatch: {} },
    permissions: { contents: 'read' },
    concurrency: { group: name, 'cancel-in-progress': false },
    jobs: {
      maintain: {
        'runs-on': 'ubuntu-latest',
        'timeout-minutes': 120,
        steps: [
          { uses: 'actions/checkout@v5' },
          { uses: 'actions/setup-node@v5', with: { 'node-version': 20, cache: 'npm' } },
          { run: 'npm ci' },
          {
            uses: 'actions/cache@v4',
            with: { path: out, key: `${key}\${{ github.run_id }}`, 'restore-keys': key },
          },
          {
            name: `Maintain ${period}`,
            env: { DIRECT_URL: '${{ secrets.DIRECT_URL }}' },
            run: `npx hundredfold ${argumentsOf({ period, out }).map(shellWord).join(' ')}`,
          },
        ],
      },
    },
  }
  const note =
    ' Needs the secret DIRECT_URL: the direct connection of the role that owns the tables. Times are UTC.\n' +
    ' Ends with 2 if an error is found or a task fails, with 4 if the weekly report is worse than the last one.'
  return {
    name: `${name}.yml`,
    text: `${note.replaceAll(/^/gm, '#')}\n${stringify(workflow, { lineWidth: 0 })}`,
  }
}

/** systemd reads backslashes, quotes, `%` and `$` in a command. */
function systemdWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$')
  return `"${escaped}"`
}

/** A path by itself is read to the end of its line; only `%` has a meaning in it. */
function systemdPath(path: string): string {
  return path.replaceAll('%', '%%')
}

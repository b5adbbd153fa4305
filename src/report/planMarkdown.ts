import type { CheckedCondition } from '../migrate/migration.ts'
import type { Plan, PlannedBatches, PlannedLock, PlannedMigration } from '../migrate/plan.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { lockStrength } from '../shadow/locks.ts'
import { shortList } from '../shortList.ts'
import { markdownTable } from './markdownTable.ts'
import { escapeHtml } from './page/html.ts'
import { bytes, duration } from './units.ts'

/** The plan as the Markdown that a reviewer reads in the pull request: a table first, and each migration folded. */
export function planMarkdown({ migrations, drift, notCopied }: Plan): string {
  const parts = [
    `# Migration plan: ${migrations.length === 1 ? '1 pending' : `${migrations.length} pending`}`,
    ...(drift.length > 0 ? [driftPart(drift)] : []),
    ...(migrations.length > 0 ? [overview(migrations), ...migrations.map(migrationPart)] : []),
    ...(notCopied.length > 0 ? [notCopiedPart(notCopied)] : []),
  ]
  return `${parts.join('\n\n')}\n`
}

function driftPart(drift: Plan['drift']): string {
  const lines = drift.map(({ name, state, outOfOrder }) =>
    outOfOrder ? `${name} is pending, but a later one is applied` : `${name} is ${state}`,
  )
  return `> **Drift:** files and ledger do not agree, and \`migrate up\` will refuse to run; \`migrate status\` names all.\n\n- ${shortList(lines, '\n- ')}`
}

function overview(migrations: PlannedMigration[]): string {
  const rows = migrations.map((migration) => {
    const strongest = strongestLock(migration)
    const lock = strongest ? `${strongest.mode} on ${strongest.relation}` : 'none on tables'
    return [
      migration.name,
      migration.rule,
      lock,
      rowsText(migration),
      reversibility(migration),
      gainText(migration),
    ]
  })
  return markdownTable(['migration', 'rule', 'strongest lock', 'rows', 'reversible', 'expected gain'], rows, [
    'left',
    'left',
    'left',
    'right',
    'left',
    'left',
  ])
}

/** As it was counted or planned when the file was written; a dash where nothing had a figure. */
function gainText({ gain }: PlannedMigration): string {
  const { msPerHour, bytes: given, costBefore, costAfter = 0 } = gain ?? {}
  const parts = [
    ...(msPerHour === undefined ? [] : [`up to ${duration(msPerHour)} of each hour`]),
    ...(given === undefined ? [] : [`up to ${bytes(given)}`]),
    ...(costBefore === undefined
      ? []
      : [`planner's cost ${((100 * (costBefore - costAfter)) / costBefore).toFixed(1)} % lower`]),
  ]
  return parts.join('; ') || '-'
}

/** The planner's estimate for the largest relation that is touched. */
function rowsText({ objects }: PlannedMigration): string {
  const known = objects.flatMap(({ rows }) => rows ?? [])
  return known.length > 0 ? Math.round(Math.max(...known)).toLocaleString('en-US') : '-'
}

/** The strongest lock on the way up; undefined where no statement locks a table. */
export function strongestLock({ locks }: PlannedMigration): PlannedLock | undefined {
  return strongestOf(locks.filter(({ direction }) => direction === 'up'))
}

function strongestOf(locks: PlannedLock[]): PlannedLock | undefined {
  return locks.toSorted((a, b) => lockStrength(b.mode) - lockStrength(a.mode))[0]
}

function reversibility({ reversible, proven }: PlannedMigration): string {
  if (!proven) return 'not proven'
  return reversible ? 'proven' : '**no**'
}

function migrationPart(migration: PlannedMigration): string {
  const { sql } = migration
  return [
    `<details>\n<summary><b>${escapeHtml(migration.name)}</b></summary>`,
    whyPart(migration),
    ...(migration.objects.length > 0 ? [objectsTable(migration)] : []),
    `### Up, ${migration.transactional ? 'in one transaction' : 'statement by statement'}`,
    ...sql.up.map((text, index) => statementPart(migration, text, { direction: 'up', index })),
    '### Down',
    ...sql.down.map((text, index) => statementPart(migration, text, { direction: 'down', index })),
    '### Conditions, as they are now',
    migration.conditions.length > 0 ? migration.conditions.map(conditionLine).join('\n') : 'None.',
    `**Reversible:** ${reversibilityText(migration)}`,
    `**If it fails:** ${migration.ifItFails}`,
    `**Guards:**\n\n${migration.guards.map((guard) => `- ${guard}`).join('\n')}`,
    '</details>',
  ].join('\n\n')
}

/** Several reasons are a list, so the rule goes on a line of its own. */
function whyPart({ why, rule }: PlannedMigration): string {
  if (!rule) return why
  return why.includes('\n') ? `${why}\n\n(Rule \`${rule}\`.)` : `${why} (rule \`${rule}\`)`
}

function objectsTable({ objects }: PlannedMigration): string {
  return markdownTable(
    ['object', 'rows (estimated)', 'size', 'writes/s'],
    objects.map(({ schema, name, kind, rows, bytes: size, writesPerSecond }) => [
      `${kind} ${schema}.${name}`,
      rows === null ? 'unknown' : Math.round(rows).toLocaleString('en-US'),
      bytes(size),
      `${writesPerSecond ?? '-'}`,
    ]),
    ['left', 'right', 'right', 'right'],
  )
}

/** Which statement it is. */
interface Place {
  direction: 'up' | 'down'
  index: number
}

function statementPart({ locks, batches }: PlannedMigration, text: string, place: Place): string {
  const isHere = ({ direction, statement }: { direction: string; statement: number }) =>
    direction === place.direction && statement === place.index + 1
  const inBatches = batches.find(isHere)
  const sql = inBatches?.sql ?? text
  const lines = [
    ...locks
      .filter(isHere)
      .map(
        ({ relation, mode, blocks, ms }) =>
          `- ${mode} on ${relation}: blocks ${blocks}; ${duration(ms)} in the shadow`,
      ),
    ...(inBatches ? [batchesLine(inBatches)] : []),
  ]
  const fence = sql.includes('```') ? '````' : '```'
  return `${fence}sql\n${sql.trim()}\n${fence}\n\n${lines.length > 0 ? lines.join('\n') : '- takes no lock on a table'}`
}

function batchesLine({ table, key }: PlannedBatches): string {
  return `- runs in batches over (${key.map(displayIdentifier).join(', ')}) of ${table}, each a transaction of about 50 ms; after a kill it goes on from the key that it had reached`
}

function conditionLine(condition: CheckedCondition): string {
  const { phase, description, holds, expected, actual } = condition
  if (phase === 'after') {
    return `- after: ${description}: ${holds ? 'holds already' : `not yet (found ${actual ?? ''})`}`
  }
  return holds
    ? `- before: ${description}: holds`
    : `- before: ${description}: **does not hold now** (expected ${expected ?? ''}, found ${actual ?? ''}), unless an earlier pending migration makes it true`
}

function reversibilityText({ reversible, proven, reason, difference }: PlannedMigration): string {
  if (!proven) return `not proven: ${reason ?? ''}`
  if (reversible) return 'proven: up, down and up in a shadow of this database left no difference.'
  return `**no**:\n\n- ${shortList(difference ?? [], '\n- ')}`
}

function notCopiedPart(notCopied: Plan['notCopied']): string {
  const lines = notCopied.map(({ object, reason }) => `${object}: ${reason}`)
  return `## Not in the shadow\n\nWhat touches these is not proven; \`npm run -s migrate plan -- --json -\` names all.\n\n- ${shortList(lines, '\n- ')}`
}

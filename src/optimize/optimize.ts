import type { ClientBase } from 'pg'
import { display } from '../postgres/identifiers.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import type { IgnoreEntry } from '../rules/ignoreFile.ts'
import { sift } from '../rules/ignoreFile.ts'
import type { Action } from '../rules/impact/actions.ts'
import type { Traffic } from '../rules/impact/traffic.ts'
import { trafficSeen, weighOne } from '../rules/impact/weigh.ts'
import type { Found } from '../rules/find.ts'
import { findAll } from '../rules/find.ts'
import { rules as allRules } from '../rules/index.ts'
import type { Finding, Level, Rule } from '../rules/rule.ts'
import { isAtLeast, keyOf } from '../rules/rule.ts'
import type { PlannedOften } from '../catalog/snapshot.ts'
import { snapshotOf } from '../catalog/snapshot.ts'
import type { Advice } from '../advisor/advise.ts'
import type { Workload } from './adviceChoice.ts'
import { withAdvice } from './adviceChoice.ts'
import type { Choice } from './chooseOperations.ts'
import { chooseOperations } from './chooseOperations.ts'
import { withGains } from './expectedGain.ts'
import type { Group } from './groupOperations.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { withCoveredDrops } from './coveredByNew.ts'
import { groupOperations, readableFor } from './groupOperations.ts'
import { listPendingMigrations } from './pendingMigrations.ts'
import type { Selection } from './selectFindings.ts'
import { rankChoice } from './mattersMost.ts'
import { selectFindings } from './selectFindings.ts'
import { tablesPlanned } from './tablesPlanned.ts'

export interface OptimizeOptions {
  /** All by default. */
  rules?: Rule[]
  /** Those of all schemas by default. */
  schemas?: string[]
  /** Only findings about these, as `public.orders`; about all by default. */
  tables?: string[]
  level: Level
  /** Only the actions that matter most, so many; all by default. */
  limit?: number
  ignore?: IgnoreEntry[]
  /** Indexes that these statements want are made too. */
  workload?: Workload
  /** The directory of migrations; what a pending one does already is not written again. */
  directory: string
  /** The files that are pending, where another tool than ours runs them. */
  pending?: PendingMigration[]
  onStep?: (text: string) => void
}

/** What was found, which findings are fixed, and by which migrations. */
export interface Optimized {
  found: Found
  selection: Selection
  choice: Choice
  /** Where a workload was given. */
  advice?: Advice
  /** What the migrations do, those that matter most first. */
  actions: Action[]
  /** One for each file to be written, in the order in which they have to run. */
  groups: Group[]
}

/**
 * Turns findings into operations that are ready to be written. The database is only read, and no file is written.
 *
 * ```ts
 * const { groups } = await optimize(client, { level: 'warn', directory: 'migrations' })
 * await writeMigrations('migrations', groups)
 * ```
 *
 * @throws where the session is lost; a rule that fails is named in `found.looked`
 */
export async function optimize(client: ClientBase, options: OptimizeOptions): Promise<Optimized> {
  const { rules = allRules, schemas, level, limit, ignore = [], workload, directory, onStep } = options
  const names = rules.map(({ name }) => name)
  const today = new Date()
  const plannedOften: PlannedOften = {
    tables: level === 'info' ? 'all' : await tablesPlanned(client, workload?.statements ?? []),
    except: ({ schema, name }) =>
      sift(ignore, [{ rule: 'auth_function_planning', subject: [schema, name] }], today).ignored.length > 0,
  }
  const { found, traffic } = await readOnly(client, async () => {
    const snapshot = { ...snapshotOf(borrow(client), schemas, names), plannedOften }
    const all = await findAll(rules, snapshot, { onRule: ({ name }) => onStep?.(`looking for ${name}`) })
    const counted = await trafficSeen(snapshot)
    return {
      found: { ...all, findings: aboutTables(all.findings, counted, options.tables) },
      traffic: counted,
    }
  })
  const selection = selectFindings(found.findings, { ignore, level, today })
  onStep?.('reading the new policies back')
  const pending = options.pending ?? (await listPendingMigrations(directory, client))
  const cured = await chooseOperations(client, selection.selected, pending)
  if (!workload) {
    const isWanted = (finding: Finding): boolean =>
      names.includes(finding.rule) &&
      isAtLeast(finding.level, level) &&
      (schemas?.includes(finding.subject[0] ?? '') ?? true) &&
      sift(ignore, [finding], today).kept.length > 0
    const settled = await withCoveredDrops(client, cured, { pending, isWanted })
    const { choice, actions, rankOf } = rankChoice(settled, traffic, limit)
    const groups = withGains(
      groupOperations(choice.operations, rankOf, readableFor(limit ?? Infinity)),
      choice,
      traffic,
    )
    return { found, selection, choice, actions, groups }
  }
  const wanted = { ...workload, rules: names, ignore, ...(schemas === undefined ? {} : { schemas }) }
  const advised = await withAdvice(client, cured, wanted, pending, onStep)
  const { choice, actions } = rankChoice(advised.choice, traffic, limit)
  const settled = new Set([
    ...choice.cures.map(({ finding }) => keyOf(finding)),
    ...choice.skipped.map(({ key }) => key),
  ])
  const belowLevel = selection.belowLevel.filter((finding) => !settled.has(keyOf(finding)))
  return {
    ...{ found, choice, actions, advice: advised.advice },
    selection: { ...selection, belowLevel },
    // The advice has its own order: what replaces an index is built before that is dropped.
    groups: withGains(groupOperations(choice.operations), choice, traffic),
  }
}

function aboutTables(findings: Finding[], traffic: Traffic, tables: string[] | undefined): Finding[] {
  if (tables === undefined) return findings
  const wanted = new Set(tables)
  return findings.filter((finding) => {
    const { table } = weighOne(finding, traffic)
    if (!table) return false
    const [schema, name] = table
    return wanted.has(display({ schema, name })) || wanted.has(`${schema}.${name}`)
  })
}

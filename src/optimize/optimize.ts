import type { ClientBase } from 'pg'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import type { IgnoreEntry } from '../rules/ignoreFile.ts'
import { sift } from '../rules/ignoreFile.ts'
import type { Found } from '../rules/find.ts'
import { findAll } from '../rules/find.ts'
import { rules as allRules } from '../rules/index.ts'
import type { Level, Rule } from '../rules/rule.ts'
import { keyOf } from '../rules/rule.ts'
import type { PlannedOften } from '../catalog/snapshot.ts'
import { snapshotOf } from '../catalog/snapshot.ts'
import type { Advice } from '../advisor/advise.ts'
import type { Workload } from './adviceChoice.ts'
import { withAdvice } from './adviceChoice.ts'
import type { Choice } from './chooseOperations.ts'
import { chooseOperations } from './chooseOperations.ts'
import type { Group } from './groupOperations.ts'
import { groupOperations } from './groupOperations.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { listPendingMigrations } from './pendingMigrations.ts'
import type { Selection } from './selectFindings.ts'
import { selectFindings } from './selectFindings.ts'
import { tablesPlanned } from './tablesPlanned.ts'

export interface OptimizeOptions {
  /** All by default. */
  rules?: Rule[]
  /** Those of all schemas by default. */
  schemas?: string[]
  level: Level
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
  const { rules = allRules, schemas, level, ignore = [], workload, directory, onStep } = options
  const names = rules.map(({ name }) => name)
  const today = new Date()
  const plannedOften: PlannedOften = {
    tables: level === 'info' ? 'all' : await tablesPlanned(client, workload?.statements ?? []),
    except: ({ schema, name }) =>
      sift(ignore, [{ rule: 'auth_function_planning', subject: [schema, name] }], today).ignored.length > 0,
  }
  const found = await readOnly(client, () =>
    findAll(
      rules,
      { ...snapshotOf(borrow(client), schemas, names), plannedOften },
      {
        onRule: ({ name }) => onStep?.(`looking for ${name}`),
      },
    ),
  )
  const selection = selectFindings(found.findings, { ignore, level, today })
  onStep?.('reading the new policies back')
  const pending = options.pending ?? (await listPendingMigrations(directory, client))
  const cured = await chooseOperations(client, selection.selected, pending)
  if (!workload) return { found, selection, choice: cured, groups: groupOperations(cured.operations) }
  const wanted = { ...workload, rules: names, ignore, ...(schemas === undefined ? {} : { schemas }) }
  const { choice, advice } = await withAdvice(client, cured, wanted, pending, onStep)
  const settled = new Set([
    ...choice.cures.map(({ finding }) => keyOf(finding)),
    ...choice.skipped.map(({ key }) => key),
  ])
  const belowLevel = selection.belowLevel.filter((finding) => !settled.has(keyOf(finding)))
  return {
    ...{ found, choice, advice },
    selection: { ...selection, belowLevel },
    groups: groupOperations(choice.operations),
  }
}

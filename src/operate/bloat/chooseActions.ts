import { UsageError } from '../../errors.ts'
import type { Hours } from '../../migrate/hours.ts'
import { display } from '../../postgres/identifiers.ts'
import type { BloatedTable, BloatSurvey } from './findBloat.ts'
import { fullAction } from './full.ts'
import { reindexAction } from './reindex.ts'
import type { RemedyKind } from './remedy.ts'
import { leastIndexShare } from './remedy.ts'
import { findRepack, refuseWithoutSuperuser, repackAction } from './repack.ts'
import type { RewriteAction, RewriteTools } from './rewriteAction.ts'
import { vacuumAction } from './vacuum.ts'

/** What somebody has asked for. */
export interface Wanted {
  kind: RemedyKind
  /** The survey holds the tables that were named: they get the remedy whether it pays or not. */
  isNamed: boolean
  /** When `full` may run. */
  hours: Hours | undefined
}

/** Where pg_repack connects, and the folders to look for it, in the format of PATH. */
export interface RepackPlace {
  url: string
  path: string
}

/** The tables that get the remedy: those that are named; else where it is advised, or does the same in another way. */
export function tablesFor({ tables }: BloatSurvey, { kind, isNamed }: Wanted): BloatedTable[] {
  if (isNamed) {
    for (const table of tables) refuseOfOthers(table)
    return tables
  }
  const serves: Record<RemedyKind, RemedyKind[]> = {
    vacuum: ['vacuum', 'full', 'repack'],
    reindex: ['reindex'],
    full: ['full', 'repack'],
    repack: ['repack'],
  }
  return tables.filter(
    ({ remedy, facts }) => facts.isOwned && remedy !== undefined && serves[kind].includes(remedy),
  )
}

function refuseOfOthers(table: BloatedTable): void {
  if (table.facts.isOwned) return
  throw new UsageError(
    `${display(table)} belongs to another role, so this one may not rewrite or vacuum it.`,
    'Run it as the owner of the table, or as a role that is a member of it.',
  )
}

/**
 * An action for each table; none where no index of it is large enough to be rebuilt.
 *
 * @throws UsageError where the remedy is not possible here, with the one that is
 */
export async function chooseActions(
  { repack }: BloatSurvey,
  tables: readonly BloatedTable[],
  { kind, isNamed, hours }: Wanted,
  { tools, place }: { tools: RewriteTools; place: RepackPlace },
): Promise<RewriteAction[]> {
  switch (kind) {
    case 'vacuum':
      return tables.map((table) => vacuumAction(table, tools))
    case 'reindex':
      return tables.flatMap((table) => {
        const bloated = table.indexes.filter(
          ({ bloatPercent }) => isNamed || (bloatPercent ?? 0) >= 100 * leastIndexShare,
        )
        return bloated.length === 0 ? [] : reindexAction(table, bloated, tools)
      })
    case 'full': {
      if (!hours) throw wantsWindow()
      return tables.map((table) => fullAction(table, { ...tools, hours }))
    }
    case 'repack': {
      if (!repack) {
        throw new UsageError(
          'The extension pg_repack is not installed in this database.',
          'CREATE EXTENSION pg_repack, or use --run full in a window.',
        )
      }
      refuseWithoutSuperuser(repack)
      const program = await findRepack(repack.version, place.path)
      const lacking = tables.find(({ facts }) => !facts.hasRowKey)
      if (lacking) {
        throw new UsageError(
          `${display(lacking)} has no primary key and no unique index over columns that are not null, which pg_repack needs.`,
          'Give it one, or use --run full in a window.',
        )
      }
      const { isSuperuser } = repack
      return tables.map((table) => repackAction(table, { ...tools, program, url: place.url, isSuperuser }))
    }
  }
}

/** Why a rewrite under the strongest lock is refused without its hours. */
export function wantsWindow(): UsageError {
  return new UsageError(
    'While a table is written anew, nobody can read or write it, so --run full wants a window.',
    'Give the hours at which that is right, such as --window 02:00-04:00; --run repack needs none.',
  )
}

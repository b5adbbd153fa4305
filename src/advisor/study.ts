import type { Client, ClientBase } from 'pg'
import { listIndexes } from '../catalog/indexes.ts'
import { readOnce } from '../catalog/reader.ts'
import { UsageError } from '../errors.ts'
import { borrow } from '../postgres/database.ts'
import type { LeftOut } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { CatalogOfCandidates } from './candidates.ts'
import { readCatalogOfCandidates } from './catalogOfCandidates.ts'
import type { CorrelatedColumns } from './correlations.ts'
import { findCorrelations } from './correlations.ts'
import { addMergedCandidates } from './mergedCandidates.ts'
import type { Need } from './needs.ts'
import { foreignKeyNeeds, wishForNeeds } from './needs.ts'
import type { NewExtension } from './newExtensions.ts'
import { offerExtensions } from './newExtensions.ts'
import type { PreparedWorkload } from './preparation.ts'
import { prepareWorkload } from './preparation.ts'
import type { Wishes } from './wishes.ts'
import { gatherWishes } from './wishes.ts'

/** What the workload asks for, and how the shadow plans it. */
export interface Study {
  offered: NewExtension[]
  catalog: CatalogOfCandidates
  wanted: Need[]
  prepared: PreparedWorkload
  wishes: Wishes
  correlations: CorrelatedColumns[]
}

/**
 * Prepares the statements, and finds in the shadow what they might be helped by.
 *
 * @throws UsageError where PostgreSQL plans none of them
 */
export async function study(
  { source, session }: { source: ClientBase; session: Client },
  workload: readonly WorkloadStatement[],
  { needs, sample }: { needs?: Need[]; sample?: boolean },
): Promise<Study> {
  const offered = await offerExtensions(source, session, workload)
  const catalog = await readCatalogOfCandidates(session)
  const read = readOnce(borrow(session))
  const wanted = needs ?? (await foreignKeyNeeds(read))
  const prepared = await prepareWorkload(session, workload)
  // Without a statement every index would seem needless.
  if (prepared.statements.length === 0) throw noneIsPlanned(prepared.leftOut)
  const wishes = await gatherWishes(session, prepared.statements, catalog)
  wishForNeeds(wishes, wanted)
  addMergedCandidates(wishes, await read(listIndexes), catalog)
  const correlations = await findCorrelations(session, wishes.together, sample ? source : undefined)
  return { offered, catalog, wanted, prepared, wishes, correlations }
}

function noneIsPlanned(leftOut: readonly LeftOut[]): UsageError {
  const [first] = leftOut
  const example = first ? `, such as ${first.statement.name}: ${first.reason}` : ''
  return new UsageError(
    `None of the ${leftOut.length} statements of the workload can be planned${example}.`,
    'Correct the statements, or grant their roles what they need.',
    { details: leftOut.map(({ statement, reason }) => `${statement.name}: ${reason}`) },
  )
}

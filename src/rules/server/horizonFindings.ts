import type { HorizonHolder } from '../../catalog/xminHorizon.ts'
import { listHorizonHolders } from '../../catalog/xminHorizon.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { readServerFacts } from '../../catalog/server.ts'
import type { Horizon } from '../../metrics/horizon.ts'
import { findHorizon } from '../../metrics/horizon.ts'

/** The one that keeps VACUUM from removing dead rows now, and the next one; undefined if there is none. */
export async function readHorizon(context: Snapshot): Promise<Horizon | undefined> {
  return findHorizon(await context.read(listHorizonHolders))
}

/** That one; undefined also for a role to which an older one may be hidden. */
export async function readHolder(context: Snapshot): Promise<HorizonHolder | undefined> {
  const { seesAllStatistics } = await context.read(readServerFacts)
  return seesAllStatistics ? (await readHorizon(context))?.holder : undefined
}

/** For findings about something that may be that one: the same sentence says which of them is the cause. */
export const isTheCause = 'It is what keeps VACUUM from removing the rows that died since (xmin_horizon).'

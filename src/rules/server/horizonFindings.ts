import type { HorizonHolder } from '../../catalog/xminHorizon.ts'
import { listHorizonHolders } from '../../catalog/xminHorizon.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { findHorizon } from '../../metrics/horizon.ts'

/** The one that keeps VACUUM from removing dead rows now, as far as the role can see; undefined if there is none. */
export async function readHolder(context: Snapshot): Promise<HorizonHolder | undefined> {
  return findHorizon(await context.read(listHorizonHolders))?.holder
}

/** For findings about something that may be that one: the same sentence says which of them is the cause. */
export const isTheCause = 'It is what keeps VACUUM from removing the rows that died since (xmin_horizon).'

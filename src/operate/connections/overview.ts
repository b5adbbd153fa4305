import type { ClientBase } from 'pg'
import type { ConnectionUse } from '../../catalog/connections.ts'
import { readConnectionUse } from '../../catalog/connections.ts'
import { listLockWaits } from '../../catalog/lockWaits.ts'
import type { Session } from '../../catalog/sessions.ts'
import { listServerSessions } from '../../catalog/sessions.ts'
import type { HorizonHolder } from '../../catalog/xminHorizon.ts'
import { listHorizonHolders } from '../../catalog/xminHorizon.ts'
import type { ConnectionLimit } from '../../metrics/connectionLimits.ts'
import { connectionLimits } from '../../metrics/connectionLimits.ts'
import { borrow } from '../../postgres/database.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import type { Blocker } from './blockerTree.ts'
import { blockerTrees } from './blockerTree.ts'
import type { Horizon } from '../../metrics/horizon.ts'
import { findHorizon } from '../../metrics/horizon.ts'

/** The connections of a server at one moment. */
export interface Overview {
  use: ConnectionUse
  limits: ConnectionLimit[]
  /** Clients of every database; our own session is left out. */
  clients: Session[]
  blockers: Blocker[]
  /** All that hold back VACUUM in this database, the oldest first. */
  holders: HorizonHolder[]
  horizon: Horizon | undefined
  /** Sessions of which the role may see only that they exist. */
  hidden: number
}

/** Looks once, in a read-only transaction. */
export async function lookAtConnections(client: ClientBase): Promise<Overview> {
  return readOnly(client, async () => {
    const db = borrow(client)
    const use = await readConnectionUse(db)
    const clients = (await listServerSessions(db)).filter(
      ({ isClient, database }) => isClient && database !== null,
    )
    const holders = await listHorizonHolders(db)
    return {
      use,
      limits: connectionLimits(use),
      clients,
      blockers: blockerTrees(await listLockWaits(db, 0)),
      holders,
      horizon: findHorizon(holders),
      hidden: clients.filter(({ isVisible }) => !isVisible).length,
    }
  })
}

import type { LockMode } from '../../shadow/locks.ts'
import { lockStrength } from '../../shadow/locks.ts'

/** One change of an ALTER TABLE: an `AlterTableCmd` without its wrapper. */
export interface TableChange {
  subtype?: string
  name?: string
  def?: {
    Constraint?: { contype?: string }
    List?: { items?: { DefElem: { defname?: string } }[] }
    PartitionCmd?: { name?: RelationOfChange; concurrent?: boolean }
    RangeVar?: RelationOfChange
  }
}

interface RelationOfChange {
  relname: string
  schemaname?: string
  inh?: boolean
}

/**
 * Changes that do not take AccessExclusiveLock, which is the rule: PostgreSQL's manual has them at ALTER TABLE, and its
 * source in `AlterTableGetLockLevel`.
 */
const weakerModes: Record<string, LockMode> = {
  AT_SetStatistics: 'ShareUpdateExclusiveLock',
  AT_ClusterOn: 'ShareUpdateExclusiveLock',
  AT_DropCluster: 'ShareUpdateExclusiveLock',
  AT_SetOptions: 'ShareUpdateExclusiveLock',
  AT_ResetOptions: 'ShareUpdateExclusiveLock',
  AT_ValidateConstraint: 'ShareUpdateExclusiveLock',
  AT_AttachPartition: 'ShareUpdateExclusiveLock',
  AT_DetachPartitionFinalize: 'ShareUpdateExclusiveLock',
  AT_EnableTrig: 'ShareRowExclusiveLock',
  AT_EnableAlwaysTrig: 'ShareRowExclusiveLock',
  AT_EnableReplicaTrig: 'ShareRowExclusiveLock',
  AT_EnableTrigAll: 'ShareRowExclusiveLock',
  AT_EnableTrigUser: 'ShareRowExclusiveLock',
  AT_DisableTrig: 'ShareRowExclusiveLock',
  AT_DisableTrigAll: 'ShareRowExclusiveLock',
  AT_DisableTrigUser: 'ShareRowExclusiveLock',
}

/** Storage parameters that readers and writers need to agree on; any other one takes ShareUpdateExclusiveLock. */
const exclusiveParameters = new Set([
  'user_catalog_table',
  'security_barrier',
  'security_invoker',
  'check_option',
  'fastupdate',
  'gin_pending_list_limit',
  'buffering',
  'autosummarize',
  'pages_per_range',
])

/** Changes of the table alone, even if it has children. */
const ofTableAlone = new Set([
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_ClusterOn',
  'AT_DropCluster',
  'AT_AttachPartition',
  'AT_DetachPartition',
  'AT_DetachPartitionFinalize',
  'AT_AddInherit',
  'AT_DropInherit',
  'AT_EnableRowSecurity',
  'AT_DisableRowSecurity',
  'AT_ForceRowSecurity',
  'AT_NoForceRowSecurity',
  'AT_ReplicaIdentity',
  'AT_ChangeOwner',
  'AT_SetTableSpace',
  'AT_SetLogged',
  'AT_SetUnLogged',
  'AT_SetAccessMethod',
])

/** The lock that ALTER TABLE takes: the strongest that one of its changes needs. */
export function modeOfChanges(changes: TableChange[]): { mode: LockMode; reachesChildren: boolean } {
  const modes = changes.map(modeOf).sort((a, b) => lockStrength(b) - lockStrength(a))
  return {
    mode: modes[0] ?? 'AccessExclusiveLock',
    reachesChildren: changes.some(({ subtype }) => !ofTableAlone.has(subtype ?? '')),
  }
}

function modeOf({ subtype = '', def }: TableChange): LockMode {
  switch (subtype) {
    case 'AT_AddConstraint':
      return def?.Constraint?.contype === 'CONSTR_FOREIGN' ? 'ShareRowExclusiveLock' : 'AccessExclusiveLock'
    case 'AT_DetachPartition':
      return def?.PartitionCmd?.concurrent ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock'
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions': {
      const parameters = def?.List?.items?.map(({ DefElem }) => DefElem.defname ?? '') ?? []
      return parameters.some((name) => exclusiveParameters.has(name))
        ? 'AccessExclusiveLock'
        : 'ShareUpdateExclusiveLock'
    }
    default:
      return weakerModes[subtype] ?? 'AccessExclusiveLock'
  }
}

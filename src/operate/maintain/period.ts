/** How often something is due. */
export type Period = 'daily' | 'weekly' | 'monthly' | 'quarterly'

export const periods: readonly Period[] = ['daily', 'weekly', 'monthly', 'quarterly']

const dayMs = 86_400_000

/**
 * After so long it is due again, in milliseconds: somewhat less than the period, since a scheduler starts a job a few
 * minutes earlier or later, and months differ.
 */
export const dueAfterMs: Record<Period, number> = {
  daily: 0.8 * dayMs,
  weekly: 6.5 * dayMs,
  monthly: 27 * dayMs,
  quarterly: 88 * dayMs,
}

/** The rules that each schedule looks at. Weekly looks at all of them. */
export const rulesOf: Record<Exclude<Period, 'weekly'>, string[]> = {
  daily: [
    'cache_hit_ratio',
    'connection_saturation',
    'idle_in_transaction',
    'long_transaction',
    'lock_waits',
    'slow_query',
    'replication_slot_lag',
    'xid_wraparound',
    'xmin_horizon',
    'orphaned_prepared_transaction',
    'autovacuum_blocked',
    'sequence_exhaustion',
  ],
  monthly: ['slow_query', 'table_bloat', 'index_bloat', 'stale_statistics', 'autovacuum_settings'],
  quarterly: [
    'auth_rls_initplan',
    'policy_function_initplan',
    'policy_membership_function',
    'policy_correlated_subquery',
    'policy_exists_rls_disabled',
    'rls_disabled_in_public',
    'rls_policy_always_true',
    'unused_index',
    'duplicate_index',
    'redundant_index',
    'partition_candidate',
    'extension_versions_outdated',
  ],
}

import type { RuleName } from '../ruleNames.ts'

const exposed = 'people may read or change rows that are not theirs'
const badPlans = 'the planner chooses slow plans by wrong counts'
const heldUp = 'dead rows stay, and tables grow'

/** What may happen where a finding of the rule stays, for rules that no counter gives a figure. */
export const risks: Partial<Record<RuleName, string>> = {
  policy_exists_rls_disabled: exposed,
  rls_enabled_no_policy: 'nobody but the owner sees a row',
  rls_disabled_in_public: exposed,
  rls_policy_always_true: exposed,
  rls_references_user_metadata: 'users write the claims that decide what they may do',
  function_volatility: 'policies and queries call the function for each row',
  function_search_path_mutable: 'a function runs objects of another schema with the rights of its owner',
  security_definer_view: exposed,
  partition_without_rls: exposed,
  no_primary_key: 'rows cannot be told apart, and replication of updates fails',
  autovacuum_settings: heldUp,
  stale_statistics: badPlans,
  partition_candidate: 'deleting old rows and vacuuming take longer with each month',
  missing_extended_statistics: badPlans,
  not_valid_constraint: 'old rows may break the constraint, and the planner does not use it',
  foreign_key_type_mismatch: 'joins convert each value, and the key may run out of range',
  duplicate_foreign_key: 'each write checks the same key twice',
  nullable_foreign_key: 'rows that point to nothing are let in',
  json_column: 'values are parsed again at each access, and cannot be indexed',
  timestamp_without_time_zone: 'times shift with the time zone of whoever writes them',
  sequence_exhaustion: 'inserts fail once the sequence has reached its end',
  xid_wraparound: 'the server stops to accept writes',
  autovacuum_blocked: heldUp,
  cache_hit_ratio: 'statements wait for the disk',
  connection_saturation: 'new connections are refused',
  idle_in_transaction: 'locks are held, and dead rows stay',
  long_transaction: heldUp,
  lock_waits: 'sessions wait for each other',
  temp_files: 'sorts and hashes go through the disk',
  checkpoints_requested: 'writes come in bursts',
  missing_statement_timeout: 'one runaway statement keeps its connection for ever',
  missing_pg_stat_statements: 'nobody sees which statements take the time',
  settings_review: 'the server does not use the machine, or may lose data in a crash',
  extension_versions_outdated: 'fixes of the extension are missing',
  xmin_horizon: heldUp,
  orphaned_prepared_transaction: 'its locks are held until somebody ends it',
}

/** Rules whose errors stop the database or show rows to others; all of these come first. */
export const dangerous: ReadonlySet<RuleName> = new Set<RuleName>([
  'policy_exists_rls_disabled',
  'rls_disabled_in_public',
  'rls_references_user_metadata',
  'security_definer_view',
  'partition_without_rls',
  'sequence_exhaustion',
  'xid_wraparound',
  'xmin_horizon',
  'connection_saturation',
  'idle_in_transaction',
  'lock_waits',
  'orphaned_prepared_transaction',
  'replication_slot_lag',
  'settings_review',
])

/** Tells a procedure that is called how many milliseconds a replica may be behind; 0 for any. */
export const replicaLagSetting = 'hundredfold.max_replica_lag_ms'

/** Milliseconds, where nobody says another bound. */
export const defaultReplicaLagMs = 1_000

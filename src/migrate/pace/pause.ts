import type { Replica } from './replicaLag.ts'

/** Why no batch runs at the moment: a replica is behind, the load suffers, or the rate is limited. */
export type Pause = { for: 'replica'; replica: Replica } | { for: 'load' } | { for: 'rate' }

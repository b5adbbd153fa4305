import { replicaLagSetting } from '../../postgres/replicaLag.ts'
import type { Statement } from '../../syntax/statements.ts'
import { autocommitted } from './autocommitted.ts'
import type { Step } from './step.ts'

/**
 * `CALL`: its procedure may commit, and is called again if it was cut off. One that moves many rows can ask by
 * `current_setting('hundredfold.max_replica_lag_ms', true)` how far a replica may be behind.
 */
export function call(statement: Statement): Step {
  const step = autocommitted(statement)
  return {
    ...step,
    isLasting: true,
    commitsInParts: true,
    async run(options, mark, place) {
      const { client, maxReplicaLagMs } = options
      await client.query(`SET ${replicaLagSetting} = ${maxReplicaLagMs}`)
      try {
        await step.run(options, mark, place)
      } finally {
        // Where the session is gone, what ended it is the error to tell.
        await client.query(`RESET ${replicaLagSetting}`).catch(() => undefined)
      }
    },
  }
}

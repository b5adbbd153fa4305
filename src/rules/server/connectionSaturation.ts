import { readConnectionUse } from '../../catalog/connections.ts'
import { connectionLimits } from '../../metrics/connectionLimits.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { targets } from '../../metrics/targets.ts'

/** Per cent: the next clients are refused. */
const errorAt = 95

/**
 * Nearly all connections taken. The next client gets `too many clients already` (behind Supavisor
 * `MaxClientsInSessionMode`), and each connection costs memory whether it works or not.
 *
 * ```sql
 * SELECT count(*) FROM pg_stat_activity;  -- before: 97 of 100, most of them idle
 * -- after: clients connect to the pooler, 20 connections serve them all
 * ```
 */
export const connectionSaturation: Rule = {
  name: 'connection_saturation',
  finds: `a server, database or role with ${targets.connection_usage} % or more of its connections taken`,
  cure: 'a pooler in transaction mode, and closing idle sessions',
  async find(context) {
    const use = await context.read(readConnectionUse)
    return connectionLimits(use)
      .filter(({ isSaturated }) => isSaturated)
      .map(({ subject, place, used, limit, percent }): Violation => ({
        level: percent >= errorAt ? 'error' : 'warn',
        subject,
        detail: `${used} of ${limit} connections ${place} are taken.`,
        evidence: [
          measured('connections', used),
          measured('available', limit),
          measured('idle, as far as this role sees', use.idle),
        ],
        remedy: runbook(
          'Make room, then let fewer connections serve more clients',
          "SELECT pid, usename, application_name, client_addr, state, now() - state_change AS since FROM pg_stat_activity WHERE backend_type = 'client backend' ORDER BY state_change; -- who is connected, and since when nobody asked anything",
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND state_change < now() - interval '10 minutes' AND pid <> pg_backend_pid(); -- closes what nobody uses",
          'Point the application (DATABASE_URL) at the pooler in transaction mode, on Supabase port 6543; migrations keep DIRECT_URL.',
          'Give each instance of the application a small pool of its own (serverless: 1), and an idle timeout.',
          'Give a PgBouncer of your own the stored SCRAM secrets (auth_query, or auth_file), not passwords. With passwords it derives keys for each client, and clients that connect for every request are served slower than by the server alone.',
        ),
      }))
  },
}

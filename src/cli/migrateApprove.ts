import { approve } from '../migrate/approvals.ts'
import type { Migration } from '../migrate/migration.ts'
import type { Plan } from '../migrate/plan.ts'
import { confirmed } from './confirmed.ts'
import type { CommandContext } from './context.ts'
import { withMigrateSession } from './migrateSession.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine } from './output.ts'

/**
 * Approves what a plan shows, if the answer is yes.
 *
 * @param state the schema that the plan was made for
 * @returns the names of what was approved
 */
export async function approvePlan(
  { config, terminal }: CommandContext,
  options: OutputOptions & { yes?: boolean },
  { migrations, plan, state }: { migrations: readonly Migration[]; plan: Plan; state: string },
): Promise<string[]> {
  const say = peopleLine(terminal, options)
  if (plan.drift.length > 0) {
    say('Nothing was approved: first let the files and the ledger agree.')
    return []
  }
  const names = new Set(plan.migrations.map(({ name }) => name))
  const planned = migrations.filter(({ name }) => names.has(name))
  if (planned.length === 0) return []
  const what = planned.length === 1 ? 'this migration' : `these ${planned.length} migrations`
  if (!(await confirmed(terminal, options, `Approve ${what} for the schema as it is now?`))) return []
  await withMigrateSession(config, terminal, (client) => approve(client, planned, state))
  say(`Approved: ${planned.map(({ name }) => name).join(', ')}.`)
  return [...names]
}

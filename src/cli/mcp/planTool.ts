import * as z from 'zod'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import { plan } from '../../migrate/plan.ts'
import type { Tool } from './tool.ts'
import { inReadingSession } from './tool.ts'

const input = z.object({
  count: z.number().int().min(1).optional().describe('How many of the pending migrations; all if absent.'),
})

/** `migrate plan` for an agent. */
export const planTool: Tool<typeof input> = {
  name: 'plan',
  title: 'What the pending migrations will do',
  description:
    'The plan of the pending migrations as a reviewer needs it: the SQL up and down, the locks that each statement takes, ' +
    'the conditions with their present result, and whether the way back is proven. Statements run in a shadow only.',
  input,
  async run(context, { count }) {
    const migrations = await loadMigrations(context.directory)
    const target = count === undefined ? {} : { count }
    return inReadingSession(context, (client) => plan(migrations, target, client, { signal: context.signal }))
  },
}

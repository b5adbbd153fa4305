import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import type { ProofOptions } from '../../../src/policies/proof/prove.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import type { EquivalenceReport } from '../../../src/policies/proof/report.ts'
import type { PolicyRewrite } from '../../../src/policies/proof/rewritten.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { asRewrite, makeWorkspace, policyName, rightRewrites, setPolicy } from '../workspace.ts'

const documents = { schema: 'public', name: 'documents' }

/**
 * Mutants that survive, each with the reason why it is no mistake. One that is not in this list counts as missed,
 * and so do those in it: the share below is of all.
 */
const equivalentByConstruction: Record<string, string> = {
  'NULL equals NULL: editor_id = ((SELECT auth.uid() AS uid))':
    'beside it stands EXISTS (... p.id = auth.uid()), which nobody without an id passes',
  'true where NULL: starts_on >= (CURRENT_DATE - 7)':
    'where starts_on is NULL the other end of the window is NULL too, and AND with NULL never passes',
  'true where NULL: starts_on < (CURRENT_DATE + 7)':
    'where starts_on is NULL the other end of the window is NULL too, and AND with NULL never passes',
  'true where NULL: team_id IS NULL OR team_id = ANY (ARRAY(SELECT public.team_ids() AS team_ids))':
    'NULL comes only of team_id being NULL, for which the first arm is true; ids of teams are never NULL',
  'owner, editor or team: true where NULL: team_id = ANY (ARRAY(SELECT public.team_ids() AS team_ids))':
    'NULL comes only of team_id being NULL, for which the other arm is true; ids of teams are never NULL',
}

/** Where a VOLATILE call would be made once per statement. */
const volatileMadeConstant: { policy: string; rewrite: Omit<PolicyRewrite, 'policy'> }[] = [
  {
    policy: 'FOR INSERT TO authenticated WITH CHECK (quota_left())',
    rewrite: { using: null, check: '( SELECT public.quota_left() AS quota_left)' },
  },
  {
    policy: 'FOR INSERT TO authenticated WITH CHECK (owner_id = auth.uid() AND quota_left())',
    rewrite: {
      using: null,
      check: '((owner_id = auth.uid()) AND ( SELECT public.quota_left() AS quota_left))',
    },
  },
  {
    policy: 'FOR SELECT TO authenticated USING (random() < 0.5)',
    rewrite: { using: '(( SELECT random() AS random) < (0.5)::double precision)', check: null },
  },
  {
    policy: 'FOR SELECT TO authenticated USING (owner_id = auth.uid() OR random() < 0.5)',
    rewrite: {
      using: '((owner_id = auth.uid()) OR ( SELECT (random() < (0.5)::double precision)))',
      check: null,
    },
  },
  {
    policy: `FOR SELECT TO authenticated USING (starts_on < clock_timestamp())`,
    rewrite: { using: '(starts_on < ( SELECT clock_timestamp() AS clock_timestamp))', check: null },
  },
]

describe('the equivalence proof', () => {
  let database: TestDatabase
  let client: Client
  const reports = new Map<string, EquivalenceReport>()

  const prove = (rewrites: PolicyRewrite[], options: ProofOptions = {}) =>
    readOnly(client, () => proveEquivalence(borrow(client), documents, rewrites, options))

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await makeWorkspace(client)
  })
  afterAll(() => database.drop())

  it.each(rightRewrites)('lets the right rewrite pass: $name', async (rewrite) => {
    await setPolicy(client, rewrite)
    const report = await prove([asRewrite(rewrite)], { budgetMs: 50_000, mostMutants: 10_000 })
    expect(report).toMatchObject({ outcome: 'equivalent', differences: [], reasons: [] })
    expect(report.coverage.isCutShort).toBe(false)
    reports.set(rewrite.name, report)
  })

  it('catches at least 99 % of at least 500 wrong predicates', async () => {
    let made = 0
    let caught = 0
    const missed: string[] = []
    const count = (isCaught: boolean, description: string) => {
      made += 1
      if (isCaught) caught += 1
      else missed.push(description)
    }
    for (const [name, { mutants }] of reports) {
      made += mutants.made
      caught += mutants.caught
      missed.push(...mutants.survivors.map((change) => `${name}: ${change}`))
    }
    for (const rewrite of rightRewrites) {
      for (const roles of [['anon'], [], ['service_role']]) {
        await setPolicy(client, rewrite)
        if (await isForRoles(client, roles)) continue
        const report = await prove([{ ...asRewrite(rewrite), roles }], { budgetMs: 5_000 })
        count(report.outcome === 'different', `${rewrite.name}: for ${roles.join(', ') || 'PUBLIC'}`)
      }
    }
    for (const { policy, rewrite } of volatileMadeConstant) {
      await setPolicy(client, { policy })
      const report = await prove([{ policy: policyName, ...rewrite } as PolicyRewrite])
      count(report.outcome !== 'equivalent', `VOLATILE made constant: ${policy}`)
    }
    const lines = missed.map((each) => {
      const [, why] = Object.entries(equivalentByConstruction).find(([change]) => each.endsWith(change)) ?? []
      return `  not caught: ${each}${why ? ` (no mistake: ${why})` : ''}`
    })
    process.stdout.write(`${made} mutants, ${caught} caught\n${lines.map((line) => `${line}\n`).join('')}`)
    expect(made).toBeGreaterThanOrEqual(500)
    expect(caught / made).toBeGreaterThanOrEqual(0.99)
  }, 300_000)
})

/** Whether these are the roles that the policy is for already, or all others that there are can bypass it. */
async function isForRoles(client: Client, roles: string[]): Promise<boolean> {
  const { rows } = await client.query<{ roles: string[] }>(
    `SELECT ARRAY(SELECT rolname::text FROM pg_roles WHERE oid = ANY (polroles) ORDER BY 1) AS roles
     FROM pg_policy WHERE polrelid = 'public.documents'::regclass AND polname = $1`,
    [policyName],
  )
  const everybody = (names: string[]) => (names.length === 0 ? ['anon', 'authenticated'] : names).join()
  return everybody(rows[0]?.roles ?? []) === everybody(roles)
}

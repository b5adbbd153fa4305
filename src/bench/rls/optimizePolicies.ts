import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { optimize } from '../../optimize/optimize.ts'
import { writeMigrations } from '../../optimize/writeMigrations.ts'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { up } from '../../migrate/up.ts'
import { expectNoFailure } from '../../rules/find.ts'
import { rules } from '../../rules/index.ts'
import type { RuleName } from '../../rules/ruleNames.ts'

const policyRules: RuleName[] = [
  'auth_rls_initplan',
  'policy_function_initplan',
  'policy_membership_function',
  'policy_correlated_subquery',
  'duplicate_policy',
  'unindexed_policy_column',
]

/** A rewrite may make further findings possible, such as an index for a comparison that is new. */
const rounds = 3

/** Inside the package, so that the files' imports of `hundredfold` are found. */
const scratch = fileURLToPath(new URL('../../../.bench/', import.meta.url))

/**
 * Does what `optimize` and `migrate up` do, until nothing is left to find: findings, migration files, conditions and
 * proof, applied as the owner. Returns the names of the migrations.
 */
export async function optimizePolicies(owner: Client): Promise<string[]> {
  await mkdir(scratch, { recursive: true })
  const directory = await mkdtemp(join(scratch, 'rls-'))
  const names: string[] = []
  try {
    for (let round = 0; round < rounds; round += 1) {
      const wanted = rules.filter(({ name }) => policyRules.includes(name))
      const { found, groups } = await optimize(owner, { rules: wanted, level: 'info', directory })
      expectNoFailure(found)
      if (groups.length === 0) break
      await writeMigrations(directory, groups)
      const result = await up(await loadMigrations(directory), {}, { ...defaultRunOptions, client: owner })
      if (result.failure) throw result.failure
      names.push(...result.ran.map(({ name }) => name.slice(18)))
      await owner.query('ANALYZE')
    }
    return names
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

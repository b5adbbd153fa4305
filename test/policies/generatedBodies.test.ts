import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { optimize } from '../../src/optimize/optimize.ts'
import { writeMigrations } from '../../src/optimize/writeMigrations.ts'
import { expectNoFailure } from '../../src/rules/find.ts'
import { rules as allRules } from '../../src/rules/index.ts'
import type { RuleName } from '../../src/rules/ruleNames.ts'
import { runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { differentCells, effectsOnAll } from '../support/effectsOnAll.ts'
import type { EffectCells } from '../support/effectsOnAll.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { applications } from './generated/applications.ts'
import type { Application } from './generated/applications.ts'
import { callers, platform, policiesOf, tableOf, tablesOf } from './generated/database.ts'
import type { Shape } from './generated/shapes.ts'
import { shapes } from './generated/shapes.ts'

const isWhole = process.env['FAULTS'] === 'all'

const rules: RuleName[] = [
  'auth_rls_initplan',
  'policy_function_initplan',
  'policy_membership_function',
  'policy_correlated_subquery',
]

/** Every application writes every shape where there is time; else each shape is written by one of four. */
const some = isWhole ? applications : applications.filter((_, at) => at % 2 === 0)
const written = some.map((application, at) => ({
  application,
  shapes: isWhole ? shapes : shapes.filter((_, index) => index % some.length === at),
}))

interface Outcome {
  failure: Error | undefined
  before: EffectCells
  after: EffectCells
  /** By the table: what its policies say in the end, and why what stays in them stays. */
  policies: Map<string, string>
  reasons: Map<string, string[]>
}

const outcomes = new Map<Application, Outcome>()

describe.each(written)('an application like $application.name', ({ application, shapes: own }) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
    outcomes.set(application, await optimized(database, application, own))
  }, 300_000)
  afterAll(() => database.drop())

  it('is rewritten by migrations that are not refused', () => {
    expect(outcomes.get(application)?.failure?.message).toBeUndefined()
  })

  it('lets seven callers see and change the same rows as before', () => {
    const { before, after } = outcomes.get(application) as Outcome
    expect(before.size).toBeGreaterThan(own.length * Object.keys(callers).length)
    expect(differentCells(before, after)).toEqual([])
  })

  it.each(own)('$name is asked once per statement, or it is said why not', (shape) => {
    const { policies, reasons } = outcomes.get(application) as Outcome
    const table = tableOf(application, shape)
    if (shape.stays === undefined) expect(policies.get(table)).not.toMatch(/_(may|role)\(/)
    else expect(reasons.get(table)?.join('\n')).toMatch(shape.stays)
  })
})

it('nine of ten policies that called a function per row no longer do', () => {
  const all = written.flatMap(({ application, shapes: own }) =>
    own.map((shape) => outcomes.get(application)?.policies.get(tableOf(application, shape)) ?? '_may('),
  )
  const left = all.filter((text) => /_(may|role)\(/.test(text))
  expect(all.length).toBe(isWhole ? shapes.length * some.length : shapes.length)
  expect(left.length / all.length).toBeLessThanOrEqual(0.1)
})

async function optimized(database: TestDatabase, application: Application, own: Shape[]): Promise<Outcome> {
  const superuser = await database.connect()
  const owner = await database.connect(database.ownerUrl)
  await using directory = await migrationDirectory()
  await owner.query(platform)
  await owner.query(tablesOf(application))
  for (const [at, shape] of own.entries()) await owner.query(policiesOf(application, shape, at))
  const look = async () => {
    // What was updated and rolled back is dead weight, by which plans would be judged.
    await superuser.query('VACUUM ANALYZE')
    return effectsOnAll(() => database.connect(), callers)
  }
  const before = await look()
  const { found, groups, choice } = await optimize(owner, {
    rules: allRules.filter(({ name }) => rules.includes(name)),
    level: 'info',
    directory: directory.path,
  })
  expectNoFailure(found)
  await writeMigrations(directory.path, groups)
  const { failure } = await runUp(owner, directory.path)
  const reasons = new Map<string, string[]>()
  for (const { key, reason } of choice.skipped) {
    const table = /^\w+ \w+\.(\w+)/.exec(key)?.[1] ?? ''
    reasons.set(table, [...(reasons.get(table) ?? []), reason])
  }
  return { failure, before, after: await look(), policies: await policyTexts(superuser), reasons }
}

async function policyTexts(superuser: Client): Promise<Map<string, string>> {
  const { rows } = await superuser.query<{ table: string; text: string }>(
    `SELECT c.relname AS table, string_agg(concat(pg_get_expr(polqual, polrelid), ' ', pg_get_expr(polwithcheck, polrelid)), '; ') AS text
     FROM pg_policy JOIN pg_class c ON c.oid = polrelid GROUP BY 1`,
  )
  return new Map(rows.map(({ table, text }) => [table, text]))
}

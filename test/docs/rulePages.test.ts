import { readFile, readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { unusedIndexAfter } from '../../src/rules/indexes/unusedIndex.ts'
import { rules } from '../../src/rules/index.ts'
import type { Rule } from '../../src/rules/rule.ts'
import { ruleNames } from '../../src/rules/ruleNames.ts'
import type { RuleName } from '../../src/rules/ruleNames.ts'
import { idleInTransactionLongerThan } from '../../src/rules/server/idleInTransaction.ts'
import { transactionLongerThan } from '../../src/rules/server/longTransaction.ts'
import { splitStatements } from '../../src/syntax/statements.ts'
import {
  objectFindings,
  policyFindings,
  rulesThatDraft,
  serverFindings,
  statementFindings,
} from '../rules/fixture/expected.ts'
import { exampleOf, withFacts } from './rulePage.ts'
import { withRulesTable } from './rulesTable.ts'
import { RulePlayground } from './tryRule.ts'

/** The same rules, which wait less for time to pass. */
const quick: Partial<Record<RuleName, Rule>> = {
  unused_index: unusedIndexAfter(0),
  idle_in_transaction: idleInTransactionLongerThan(0.01),
  long_transaction: transactionLongerThan(0.01),
}

/**
 * What they look for is a state of a whole server, which its other tests must not meet: test/rules/fixture brings a
 * server of its own into it. Their SQL is only parsed here.
 */
const ofServers: RuleName[] = [
  'partition_candidate',
  'xid_wraparound',
  'autovacuum_blocked',
  'slow_query',
  'cache_hit_ratio',
  'connection_saturation',
  'lock_waits',
  'temp_files',
  'checkpoints_requested',
  'missing_statement_timeout',
  'replication_slot_lag',
  'settings_review',
  'xmin_horizon',
  'orphaned_prepared_transaction',
  'wal_heavy_statement',
  'io_heavy_statement',
  'planning_heavy_statement',
  'cache_candidate',
  'bypassrls_login_role',
  'rls_not_forced',
]

const pageOf = (name: string) => `../../docs/rules/${name}.md`
const read = (page: string) => readFile(new URL(page, import.meta.url), 'utf8')

test('every rule has a page, and every page a rule', async () => {
  const files = await readdir(new URL('../../docs/rules', import.meta.url))
  expect(files.sort()).toEqual(ruleNames.map((name) => `${name}.md`).sort())
})

test('the table in docs/rules.md is the one that the code makes; `npm run doc-pages` writes it', async () => {
  const page = '../../docs/rules.md'
  await expect(withRulesTable(await read(page), rules)).toMatchFileSnapshot(page)
})

test('what no page tries, the fixture does', () => {
  const states = { ...objectFindings, ...policyFindings, ...serverFindings, ...statementFindings }
  expect(ofServers.filter((name) => states[name] === undefined)).toEqual([])
})

test.for(ofServers)('the page of %s has SQL that PostgreSQL reads', async (name) => {
  const page = await read(pageOf(name))
  const { given, bad, good } = exampleOf(page)
  for (const sql of [given, bad, good]) if (sql !== '') await splitStatements(sql)
  const rule = rules.find((each) => each.name === name) as Rule
  const written = await withFacts(page, rule, { writes: rulesThatDraft.includes(name) })
  await expect(written).toMatchFileSnapshot(pageOf(name))
})

describe('the page of a rule has bad SQL that the rule finds and good SQL that it does not, as `npm run doc-pages` writes it', () => {
  let playground: RulePlayground
  beforeAll(async () => void (playground = await RulePlayground.open()))
  afterAll(() => playground.close())

  test.for(rules.filter(({ name }) => !ofServers.includes(name)))('$name', async (rule) => {
    const page = await read(pageOf(rule.name))
    const example = exampleOf(page)
    const asked = quick[rule.name] ?? rule
    const outcome = await playground.try(asked, example, 'bad')
    if (!outcome) throw new Error(`${rule.name} does not find the bad SQL of its page`)
    expect(await playground.try(asked, example, 'good')).toBeUndefined()
    const writes = outcome.finding.remedy.kind === 'migration'
    // What a rule with other limits says is not what anybody reads.
    const written = await withFacts(page, rule, asked === rule ? { writes, outcome } : { writes })
    await expect(written).toMatchFileSnapshot(pageOf(rule.name))
  })
})

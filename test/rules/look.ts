import type { Client } from 'pg'
import { expect } from 'vitest'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import { prepared } from '../../src/postgres/prepared.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { migrationFile } from '../../src/optimize/migrationFile.ts'
import { slugOf } from '../../src/optimize/migrationNames.ts'
import { expectNoFailure, findAll } from '../../src/rules/find.ts'
import type { Finding, Rule } from '../../src/rules/rule.ts'
import { keyOf } from '../../src/rules/rule.ts'
import { snapshotOf } from '../../src/catalog/snapshot.ts'
import type { RuleName } from '../../src/rules/ruleNames.ts'
import { runDown, runUp, runUpWithoutProofs } from '../migrate/run.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

/** What a rule found, and why it could not see everything, where it could not. */
export interface Look {
  findings: Finding[]
  skipped?: string
}

/** Asks one rule in a read-only snapshot, as `diagnose` does. */
export async function look(
  client: Client,
  rule: Rule,
  schemas?: string[],
  rules?: RuleName[],
): Promise<Look> {
  const found = await readOnly(client, () => findAll([rule], snapshotOf(borrow(client), schemas, rules)))
  expectNoFailure(found)
  const reason = found.looked[0]?.reason
  return { findings: found.findings, ...(reason === undefined ? {} : { skipped: reason }) }
}

/** The keys without the rule's name, sorted: `public.a_b_idx`. */
export async function subjectsOf(client: Client, rule: Rule): Promise<string[]> {
  const { findings } = await look(client, rule)
  expect(findings.map(({ rule }) => rule)).toEqual(findings.map(() => rule.name))
  return findings.map((finding) => keyOf(finding).slice(rule.name.length + 1)).sort()
}

/** The finding about that subject; fails where there is none. */
export async function findingAbout(client: Client, rule: Rule, ...subject: string[]): Promise<Finding> {
  const { findings, skipped } = await look(client, rule)
  const found = findings.find((finding) => finding.subject.join() === subject.join())
  if (!found) throw new Error(`no finding about ${subject.join('.')}; ${skipped ?? 'nothing was hidden'}`)
  return found
}

/** The operation of the finding about that subject; fails where its remedy is no migration. */
export async function operationAbout(client: Client, rule: Rule, ...subject: string[]): Promise<Operation> {
  const { remedy } = await findingAbout(client, rule, ...subject)
  if (remedy.kind !== 'migration') throw new Error(`the remedy is no migration: ${JSON.stringify(remedy)}`)
  return remedy.operation
}

/**
 * Runs the migration file of the operation up, down and up again through the runner: after `down` the schema is what
 * it was before, and both times up it is the same. The proofs on rows are asked on the first way up alone: the rows are
 * the same on the second.
 */
export async function expectReversible(client: Client, ...operations: Operation[]): Promise<void> {
  await using directory = await migrationDirectory(
    Object.fromEntries(
      operations.map((operation, at) => [
        `202611240000${at + 10}000_${slugOf(operation.title)}.ts`,
        migrationFile(operation),
      ]),
    ),
  )
  const looker = prepared(client)
  const fingerprint = async (): Promise<string> => (await readFingerprint(looker)).text
  const before = await fingerprint()
  expect((await runUp(client, directory.path)).failure).toBeUndefined()
  const after = await fingerprint()
  expect(after).not.toBe(before)
  expect((await runDown(client, directory.path)).failure).toBeUndefined()
  expect(await fingerprint()).toBe(before)
  expect((await runUpWithoutProofs(client, directory.path)).failure).toBeUndefined()
  expect(await fingerprint()).toBe(after)
}

/** Lets the counters of this session's last statements arrive where everybody reads them. */
export async function settleCounters(client: Client): Promise<void> {
  // Before PostgreSQL 15 they travel to a collector of their own, twice a second.
  await client
    .query(`SELECT pg_catalog.pg_stat_force_next_flush()`)
    .catch(() => client.query(`SELECT pg_catalog.pg_sleep(0.6)`))
  await client.query(`SELECT pg_catalog.pg_sleep(0.1)`)
}

/** The files of relations, in their order: a relation that is rewritten gets another one. */
export async function filesOf(client: Client, ...relations: string[]): Promise<string[]> {
  const { rows } = await client.query<{ file: string }>(
    `SELECT pg_relation_filenode(relation::regclass)::text AS file
     FROM unnest($1::text[]) WITH ORDINALITY named (relation, place) ORDER BY place`,
    [relations],
  )
  return rows.map(({ file }) => file)
}

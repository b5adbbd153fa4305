import type { ClientBase } from 'pg'
import type { Advice, AdvisedIndex } from '../advisor/advise.ts'
import type { AdvisedDrop } from '../advisor/drops.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { defineIndexes } from '../catalog/indexDefinitions.ts'
import { listIndexes } from '../catalog/indexes.ts'
import { readOnce } from '../catalog/reader.ts'
import { dropIndex } from '../operations/dropIndex.ts'
import type { Operation } from '../operations/operation.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { readDropJudge } from '../rules/indexes/dropEvidence.ts'
import { measured, migrationOr } from '../rules/remedies.ts'
import type { Finding } from '../rules/rule.ts'
import { shortList } from '../shortList.ts'
import type { Choice } from './chooseOperations.ts'
import { skip } from './chooseOperations.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { findPending } from './pendingMigrations.ts'

/** What the drops of a choice hang on. */
export interface DropContext {
  advice: Advice
  /** The operations that build advised indexes; those that a pending migration builds are left out. */
  builds: ReadonlyMap<AdvisedIndex, Operation>
  pending: PendingMigration[]
  /** Whether a migration for such a finding is wanted. */
  isWanted: (finding: Finding) => boolean
}

/**
 * Adjusts the drops of a choice to what the advice says: an index that a statement uses stays, one that an advised index
 * replaces goes after that is built, and one that nothing needs goes where its evidence allows. All drops come last, so
 * that nothing is missing in between.
 */
export async function withAdvisedDrops(
  client: ClientBase,
  choice: Choice,
  context: DropContext,
): Promise<Choice> {
  const { advice } = context
  const ofRules = choice.cures.filter(({ operations }) => operations.some(isDrop))
  const cures = choice.cures.filter((cure) => !ofRules.includes(cure))
  const skipped = [...choice.skipped]
  const source = await readOnly(client, async () => {
    const read = readOnce(borrow(client))
    const names = new Set(advice.drops.map(display))
    const ruled = new Set(ofRules.map(({ finding }) => nameOf(finding)))
    const concerned = (await read(listIndexes)).filter(
      (index) => names.has(display(index)) || ruled.has(display(index)),
    )
    const defined = await defineIndexes(borrow(client), concerned)
    return {
      judge: await read(readDropJudge),
      byName: new Map([...defined.values()].map((index) => [display(index), index])),
    }
  })
  const unneeded = new Map(advice.drops.map((drop) => [display(drop), drop]))

  for (const cure of ofRules) {
    const name = nameOf(cure.finding)
    const kept = advice.keeps.find(({ index }) => display(index) === name)
    if (kept) {
      skipped.push(skip(cure.finding, whyKept(kept.serves.map(({ statement }) => statement.name))))
      continue
    }
    const index = source.byName.get(name)
    const cover = coverOf(cure.operations[0])
    const drop = cover && unneeded.get(display(cover))
    if (!index || !drop || drop.lacks.length > 0) {
      cures.push(cure)
      continue
    }
    // The index that does its work goes too: what replaces that one replaces both.
    const made = await dropOf(index, { ...drop, ...index }, context)
    if ('operation' in made) cures.push({ ...cure, operations: [made.operation] })
    else skipped.push(skip(cure.finding, made.reason))
  }
  const done = new Set(ofRules.map(({ finding }) => nameOf(finding)))
  for (const drop of advice.drops) {
    const index = source.byName.get(display(drop))
    if (!index || done.has(display(drop))) continue
    const made = drop.lacks.length > 0 ? { reason: drop.reason } : await dropOf(index, drop, context)
    const finding = findingOf(index, drop, 'operation' in made ? made.operation : undefined)
    if (!context.isWanted(finding)) continue
    const name = 'operation' in made ? findPending(made.operation, context.pending) : undefined
    if ('reason' in made) skipped.push(skip(finding, made.reason))
    else if (name !== undefined) skipped.push(skip(finding, `the pending migration ${name} does it`))
    else cures.push({ finding, operations: [made.operation] })
  }

  // Several drops together must leave an index for each foreign key.
  const gone = new Set<number>()
  const served = cures.filter(({ finding, operations }) => {
    const [operation] = operations
    const index = source.byName.get(nameOf(finding))
    if (!operation || !isDrop(operation) || !index) return true
    const { staysBecause } = source.judge.judge(index, undefined, gone)
    if (staysBecause !== null && coverOf(operation) === undefined) {
      skipped.push(skip(finding, `It stays: ${staysBecause}`))
      return false
    }
    gone.add(index.oid)
    return true
  })
  const drops = served.flatMap(({ operations }) => operations.filter(isDrop))
  const others = choice.operations.filter((operation) => !isDrop(operation))
  return { operations: [...new Set([...others, ...drops])], cures: served, skipped }
}

const isDrop = ({ kind }: Operation): boolean => kind === 'dropIndex'

/** The index that a finding about an index is about. */
function nameOf({ subject: [schema = '', name = ''] }: Finding): string {
  return display({ schema, name })
}

/** The index that has to be valid while another one is dropped. */
function coverOf(operation: Operation | undefined): RelationName | undefined {
  const found = operation?.after.find(({ condition }) => condition === 'indexIsValid')
  return found?.args[0] as RelationName | undefined
}

function whyKept(statements: string[]): string {
  return statements.length === 0
    ? 'statements of the workload are estimated by the statistics of its expression'
    : `${statements.length === 1 ? 'statement' : 'statements'} ${shortList(statements)} of the workload ${statements.length === 1 ? 'uses' : 'use'} it`
}

async function dropOf(
  index: DefinedIndex,
  { replacedBy, coveredBy, reason }: Pick<AdvisedDrop, 'replacedBy' | 'coveredBy' | 'reason'>,
  { builds }: DropContext,
): Promise<{ operation: Operation } | { reason: string }> {
  const build = replacedBy && builds.get(replacedBy)
  if (replacedBy && !build)
    return { reason: 'another migration builds the index that replaces it: run that first' }
  const cover = build ? nameOfBuilt(build) : coveredBy
  const remedy = await migrationOr(
    async () => ({
      ...(await dropIndex(index, {
        rule: cover ? 'redundant_index' : 'unused_index',
        why: cover
          ? `${display(cover)} serves every search that ${display(index)} serves; every write pays for both.`
          : `${display(index)}: ${reason}. Every write pays for it.`,
        ...(cover ? { coveredBy: cover } : {}),
      })),
      ...(build ? { requires: [build] } : {}),
    }),
    (why) => ({ kind: 'none', title: `It stays: ${why}` }),
  )
  return remedy.kind === 'migration' ? { operation: remedy.operation } : { reason: remedy.title }
}

function nameOfBuilt({ after }: Operation): RelationName {
  const [name] = after.find(({ condition }) => condition === 'indexIsValid')?.args ?? []
  return name as RelationName
}

function findingOf(index: DefinedIndex, drop: AdvisedDrop, operation: Operation | undefined): Finding {
  const isCovered = drop.replacedBy !== undefined || drop.coveredBy !== undefined
  return {
    rule: isCovered ? 'redundant_index' : 'unused_index',
    level: 'warn',
    subject: [index.schema, index.name],
    detail: `${display(index)}: ${drop.reason}.`,
    evidence: [
      measured('definition', index.definition),
      measured('size', index.sizeBytes, 'bytes'),
      measured('scans', index.scans),
    ],
    remedy: operation
      ? { kind: 'migration', title: `Drop ${display(index)}`, operation }
      : { kind: 'none', title: drop.reason },
  }
}

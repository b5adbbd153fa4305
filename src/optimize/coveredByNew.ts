import type { ClientBase } from 'pg'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { definedOn, defineIndexes } from '../catalog/indexDefinitions.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { listIndexes } from '../catalog/indexes.ts'
import { readOnce } from '../catalog/reader.ts'
import { covers } from '../indexes/indexCoverage.ts'
import { dropIndex } from '../operations/dropIndex.ts'
import type { Operation } from '../operations/operation.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { measured, migrationOr } from '../rules/remedies.ts'
import type { Finding } from '../rules/rule.ts'
import { keyOf } from '../rules/rule.ts'
import type { Choice } from './chooseOperations.ts'
import { skip } from './chooseOperations.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { findPending } from './pendingMigrations.ts'

/** An index that the choice builds, on plain columns. */
interface Built {
  operation: Operation
  name: RelationName
  columns: string[]
}

/**
 * Adds the drops of indexes that become redundant by those that the choice builds: each does what the first columns of a
 * new one do. Without them the next run would find them, and write again.
 *
 * `CREATE INDEX ON issues (assignee, workspace_id)` for a foreign key -> `DROP INDEX issues_assignee_idx`, after it
 *
 * @param isWanted whether a migration for such a finding is wanted
 */
export async function withCoveredDrops(
  client: ClientBase,
  choice: Choice,
  { pending, isWanted }: { pending: PendingMigration[]; isWanted: (finding: Finding) => boolean },
): Promise<Choice> {
  const built = choice.operations.flatMap(builtBy)
  if (built.length === 0) return choice
  const covered = await readOnly(client, () => findCovered(client, built))
  const known = new Set(choice.cures.map(({ finding }) => keyOf(finding)))
  const cures = [...choice.cures]
  const skipped = [...choice.skipped]
  for (const { index, by } of covered) {
    const remedy = await migrationOr(
      async () => ({
        ...(await dropIndex(index, {
          rule: 'redundant_index',
          why: `${display(by.name)} serves every search that ${display(index)} serves; every write pays for both.`,
          coveredBy: by.name,
        })),
        requires: [by.operation],
      }),
      (reason) => ({ kind: 'none', title: `It stays: ${reason}` }),
    )
    const finding: Finding = {
      rule: 'redundant_index',
      level: 'warn',
      subject: [index.schema, index.name],
      detail: `The new index ${display(by.name)} will serve every search that ${display(index)} serves.`,
      evidence: [
        measured('definition', index.definition),
        measured('size', index.sizeBytes, 'bytes'),
        measured('scans', index.scans),
      ],
      remedy,
    }
    if (known.has(keyOf(finding)) || !isWanted(finding)) continue
    const pendingName = remedy.kind === 'migration' ? findPending(remedy.operation, pending) : undefined
    if (remedy.kind !== 'migration') skipped.push(skip(finding, remedy.title))
    else if (pendingName !== undefined)
      skipped.push(skip(finding, `the pending migration ${pendingName} does it`))
    else cures.push({ finding, operations: [by.operation, remedy.operation] })
  }
  const operations = cures.flatMap((cure) => cure.operations)
  return { operations: [...new Set([...choice.operations, ...operations])], cures, skipped }
}

function builtBy(operation: Operation): Built[] {
  const { kind, calls = {}, before } = operation
  const [, columns] = Object.values(calls).find(({ method }) => method === 'createIndex')?.args ?? []
  const [name] = before.find(({ condition }) => condition === 'indexIsAbsent')?.args ?? []
  if (kind !== 'createIndex' || !Array.isArray(columns) || columns.length < 2 || name === undefined) return []
  return [{ operation, name: name as RelationName, columns: columns as string[] }]
}

async function findCovered(
  client: ClientBase,
  built: Built[],
): Promise<{ index: DefinedIndex; by: Built }[]> {
  const db = borrow(client)
  const found = (await readOnce(db)(listIndexes)).flatMap((index) => {
    const by = built.find((each) => mayServe(each, index))
    return by && index.protectedBecause === null && !index.isPartitioned ? [{ index, by }] : []
  })
  const defined = await defineIndexes(
    db,
    found.map(({ index }) => index),
  )
  return found.flatMap(({ index: { oid }, by }) => {
    const index = defined.get(oid)
    return index && hasPlainKeys(index) && covers(asWide(index), index) ? [{ index, by }] : []
  })
}

/** Whether the index is on the first columns of the new one. */
function mayServe({ operation: { on }, columns }: Built, { table, keys, accessMethod }: TableIndex): boolean {
  return (
    accessMethod === 'btree' &&
    table.schema === on[0] &&
    table.name === on[1] &&
    keys.length < columns.length &&
    keys.every(({ column }, at) => column !== undefined && column.name === columns[at])
  )
}

/** Whether each column is sorted as a new index on it would sort it: the definition says nothing else of it. */
function hasPlainKeys(index: DefinedIndex): boolean {
  return definedOn(index).startsWith(`USING btree (${index.keys.map(({ text }) => text).join(', ')})`)
}

/** The index as if it had another column and held every row, which is what the new one does. */
function asWide(index: TableIndex): TableIndex {
  const another = { ...index.keys[0], text: '', attnum: 0 } as TableIndex['keys'][number]
  const keys = [...index.keys, another]
  return { ...index, oid: 0, keys, included: [], predicate: null, shareOfRows: 1, isUnique: false }
}

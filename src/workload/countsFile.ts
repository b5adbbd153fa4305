import { readFile } from 'node:fs/promises'
import type { CountsLook, StatementCount } from '../catalog/statements.ts'
import { UsageError } from '../errors.ts'
import { writeWholeFile } from '../wholeFile.ts'

/** What is kept of a look at pg_stat_statements: numbers, and no text of a statement. */
interface KeptLook {
  schemaVersion: 1
  database: string
  takenAt: string
  countedSince: string | null
  counts: (Pick<StatementCount, 'userId' | 'queryId'> & Counters)[]
}

type Counters = Pick<StatementCount, 'calls' | 'totalMs' | 'planMs' | 'rows'>

/** Writes the counts of a look, for `countsSince` of a later one. */
export async function keepCounts(file: string, look: CountsLook): Promise<void> {
  const kept: KeptLook = {
    schemaVersion: 1,
    database: look.database,
    takenAt: look.takenAt.toISOString(),
    countedSince: look.countedSince?.toISOString() ?? null,
    counts: look.counts.map(({ userId, queryId, calls, totalMs, planMs, rows }) => ({
      userId,
      queryId,
      calls,
      totalMs,
      planMs,
      rows,
    })),
  }
  await writeWholeFile(file, `${JSON.stringify(kept, null, 1)}\n`, { placedBy: '--keep-counts' })
}

/**
 * The look with nothing in it but what was counted since the one that the file holds.
 *
 * @throws UsageError where the file is none, is of another database, or pg_stat_statements was reset in between
 */
export async function countsSince(file: string, look: CountsLook): Promise<CountsLook> {
  const kept = await readKept(file)
  if (kept.database !== look.database) {
    throw new UsageError(
      `${file} holds counts of the database ${kept.database}, and this one is ${look.database}.`,
      'Name the file that was written with --keep-counts for this database.',
    )
  }
  const reset = look.countedSince?.toISOString() ?? null
  if (reset !== kept.countedSince) {
    throw new UsageError(
      `pg_stat_statements was reset${reset === null ? '' : ` at ${reset}`}, after the look in ${file} of ${kept.takenAt}.`,
      'What ran in between is not known: leave --since out, or look again with --keep-counts.',
    )
  }
  const before = new Map(kept.counts.map((counters) => [keyOf(counters), counters]))
  return {
    ...look,
    countedSince: new Date(kept.takenAt),
    counts: look.counts.flatMap((count) => difference(count, before.get(keyOf(count)))),
  }
}

const keyOf = ({ userId, queryId }: Pick<StatementCount, 'userId' | 'queryId'>): string =>
  `${userId} ${queryId}`

/** A statement that was thrown out for others and came back counts from zero again. */
function difference(count: StatementCount, before: Counters | undefined): StatementCount[] {
  if (!before || count.calls < before.calls) return [count]
  if (count.calls === before.calls) return []
  return [
    {
      ...count,
      calls: count.calls - before.calls,
      totalMs: Math.max(0, count.totalMs - before.totalMs),
      planMs: Math.max(0, count.planMs - before.planMs),
      rows: Math.max(0, count.rows - before.rows),
    },
  ]
}

async function readKept(file: string): Promise<KeptLook> {
  let text
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(
      `The counts in ${file} cannot be read.`,
      'Write the file first: `hundredfold advise --keep-counts FILE`, and later --since FILE.',
      { cause: error },
    )
  }
  const kept = parse(text)
  if (kept) return kept
  throw new UsageError(
    `${file} holds no counts of pg_stat_statements.`,
    'Name a file that was written with --keep-counts.',
  )
}

function parse(text: string): KeptLook | undefined {
  try {
    const value = JSON.parse(text) as Partial<KeptLook> | null
    const isKept =
      value?.schemaVersion === 1 && typeof value.database === 'string' && Array.isArray(value.counts)
    return isKept ? (value as KeptLook) : undefined
  } catch {
    return undefined
  }
}

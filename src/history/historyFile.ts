import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { UsageError, messageOf } from '../errors.ts'
import type { Measurement } from '../metrics/measurement.ts'
import { errorCode } from '../postgres/sqlState.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { History } from './history.ts'
import { addRound, emptyHistory, mostSeries, tiers } from './history.ts'

const value = z.tuple([z.number(), z.number(), z.number().int().positive()])
const documentSchema = z.object({
  schemaVersion: z.literal(1),
  database: z.string(),
  series: z
    .array(
      z.object({
        id: z.string(),
        unit: z.enum(['percent', 'seconds', 'bytes', 'count', 'per_second']),
        labels: z.record(z.string(), z.string()),
      }),
    )
    .max(mostSeries),
  tiers: z
    .array(
      z.object({
        seconds: z.number(),
        buckets: z.array(z.object({ at: z.number(), values: z.record(z.string(), value) })),
      }),
    )
    .refine((all) => all.map(({ seconds }) => seconds).join() === tiers.map(({ seconds }) => seconds).join()),
})

/** Where the history of a database is kept, if nobody says otherwise: `.hundredfold/history-app.json`. */
export function historyPath(database: string): string {
  return join('.hundredfold', `history-${encodeURIComponent(database).replaceAll('*', '%2A')}.json`)
}

/**
 * The history in the file; undefined where there is none.
 *
 * @throws UsageError where the file is something else, or another database's
 */
export async function readHistory(path: string, database: string): Promise<History | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw new UsageError(
      `Cannot read the history ${path}: ${messageOf(error)}.`,
      'Name another file with --history.',
    )
  }
  const parsed = documentSchema.safeParse(jsonOf(text))
  if (!parsed.success) {
    throw new UsageError(
      `${path} is not a history of monitor.`,
      'Name another file with --history, or move this one away.',
    )
  }
  const history: History = {
    database: parsed.data.database,
    series: parsed.data.series,
    tiers: parsed.data.tiers,
  }
  if (history.database !== database) {
    throw new UsageError(
      `${path} has the history of the database ${history.database}, not of ${database}.`,
      'Give each database a file of its own with --history.',
    )
  }
  return history
}

/**
 * The history of the database in its usual place, for a report: where it cannot be read, that is told, and the report goes
 * on without it.
 */
export async function findHistory(
  database: string,
  onProblem: (reason: string) => void,
): Promise<History | undefined> {
  try {
    return await readHistory(historyPath(database), database)
  } catch (error) {
    onProblem(messageOf(error))
    return undefined
  }
}

/** A disk is written to no more often than that. What a kill takes is no more than that either. */
const writesEveryMs = 300_000

/** Adds rounds to the history in a file. Two monitors may have the same file: each adds to what the other has written. */
export class HistoryFile {
  private readonly path: string
  private readonly database: string
  private waiting: { measurements: readonly Measurement[]; takenAt: Date }[] = []
  private writtenAt = -Infinity

  constructor(path: string, database: string) {
    this.path = path
    this.database = database
  }

  /** Whether the file can be used: before the first round rather than after it. */
  async open(): Promise<void> {
    await readHistory(this.path, this.database)
    await mkdir(dirname(this.path), { recursive: true })
    await this.flush()
  }

  async add(measurements: readonly Measurement[], takenAt: Date): Promise<void> {
    this.waiting.push({ measurements, takenAt })
    if (performance.now() - this.writtenAt >= writesEveryMs) await this.flush()
  }

  /** Writes what waits. Where that fails, it waits for the next time, up to a day of rounds a minute. */
  async flush(): Promise<void> {
    this.writtenAt = performance.now()
    const history = (await readHistory(this.path, this.database)) ?? emptyHistory(this.database)
    for (const { measurements, takenAt } of this.waiting) addRound(history, measurements, takenAt)
    try {
      await writeWholeFile(this.path, historyText(history), { placedBy: '--history' })
      this.waiting = []
    } catch (error) {
      this.waiting = this.waiting.slice(-1_440)
      throw error
    }
  }
}

/** Six digits are enough for a chart. */
export function historyText({ database, series, tiers: all }: History): string {
  const document = { schemaVersion: 1, database, series, tiers: all }
  return `${JSON.stringify(document, (_, each: unknown) =>
    typeof each === 'number' && !Number.isInteger(each) ? Number(each.toPrecision(6)) : each,
  )}\n`
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { severities } from '../file/schema.ts'
import { units } from '../quantity.ts'
import { UsageError } from '../../../errors.ts'
import { writeWholeFile } from '../../../wholeFile.ts'
import type { SeriesState } from '../judge/judgeSeries.ts'
import { newSeries } from '../judge/judgeSeries.ts'
import type { Outgoing } from './queue.ts'

const seriesSchema = z.object({
  state: z.enum(['unknown', 'ok', 'pending', 'firing', 'recovered']),
  since: z.string(),
  value: z.number().nullable(),
  heldMs: z.number().nonnegative(),
  absentMs: z.number().nonnegative(),
  told: z
    .object({
      title: z.string(),
      severity: z.enum(severities),
      metric: z.string(),
      threshold: z.number(),
      unit: z.enum(units),
      receivers: z.array(z.string()),
    })
    .nullable(),
  toldMs: z.number().nonnegative(),
}) satisfies z.ZodType<SeriesState>

const stateSchema = z.object({
  version: z.literal(1),
  /** When the last round was, by the wall clock. */
  roundAt: z.string().nullable(),
  /** Of the last notification that these states know of. */
  sequence: z.number().int().nonnegative(),
  series: z.record(z.string(), seriesSchema),
})

/** What a monitor keeps of all alerts between rounds. */
export interface KeptStates {
  roundAt: string | undefined
  sequence: number
  series: Map<string, SeriesState>
}

/** The states as the last round left them; none where there was none. */
export async function readStates(folder: string): Promise<KeptStates> {
  const path = pathIn(folder)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new UsageError(`Cannot read ${path}: ${error.code ?? 'it fails'}.`, 'Make it readable.')
  })
  if (text === undefined) return { roundAt: undefined, sequence: 0, series: new Map() }
  try {
    const { roundAt, sequence, series } = stateSchema.parse(JSON.parse(text))
    return { roundAt: roundAt ?? undefined, sequence, series: new Map(Object.entries(series)) }
  } catch {
    throw new UsageError(
      `${path} does not hold the states of alerts: it was changed by something else.`,
      'Remove it; what fires is then told once more.',
    )
  }
}

/** Replaces the file in one step. */
export async function writeStates(folder: string, { roundAt, sequence, series }: KeptStates): Promise<void> {
  const content: z.infer<typeof stateSchema> = {
    version: 1,
    roundAt: roundAt ?? null,
    sequence,
    series: Object.fromEntries(series),
  }
  await writeWholeFile(pathIn(folder), `${JSON.stringify(content)}\n`, { mode: 0o600 })
}

/**
 * Brings the states up to what is queued: a process may end after it has queued a notification and before it has written
 * the states. Without this, it would be made once more, with another id.
 */
export function catchUp(kept: KeptStates, queued: readonly Outgoing[]): KeptStates {
  const series = new Map(kept.series)
  const newer = queued
    .filter(({ notification }) => notification.sequence > kept.sequence)
    .sort((one, other) => one.notification.sequence - other.notification.sequence)
  for (const { notification, receivers } of newer) {
    const { kind, series: key, since, value, title, severity, metric, threshold, unit } = notification
    const isOver = kind === 'recovered'
    series.set(key, {
      ...newSeries(since),
      state: isOver ? 'recovered' : 'firing',
      value,
      told: isOver ? null : { title, severity, metric, threshold, unit, receivers: [...receivers] },
    })
  }
  const sequence = newer.at(-1)?.notification.sequence ?? kept.sequence
  return { ...kept, series, sequence }
}

function pathIn(folder: string): string {
  return join(folder, 'states.json')
}

import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import type { Diagnosis } from '../../src/diagnose/diagnose.ts'
import { diagnose } from '../../src/diagnose/diagnose.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { OptimizeOptions, Optimized } from '../../src/optimize/optimize.ts'
import { optimize } from '../../src/optimize/optimize.ts'
import { writeMigrations } from '../../src/optimize/writeMigrations.ts'
import { rules as allRules } from '../../src/rules/index.ts'
import { keyOf } from '../../src/rules/rule.ts'
import { runDown, runUp, runUpWithoutProofs } from '../migrate/run.ts'

/** Those about what is in the database: what the whole server does meanwhile belongs to other tests too. */
export const ownRules = allRules.slice(
  0,
  allRules.findIndex(({ name }) => name === 'slow_query'),
)

const hundredfold = new URL('../../src/index.ts', import.meta.url).href

/** Everything that one way from findings to migrations and back shows. */
export interface RoundTrip {
  before: Diagnosis
  optimized: Optimized
  files: string[]
  /** Milliseconds of finding, choosing and writing. */
  optimizeMs: number
  /** Why `up` or `down` stopped. */
  failures: string[]
  /** Keys of findings that were fixed by a migration and are still there after `up`. */
  left: string[]
  /** What the next run would write. */
  again: string[]
  /** Keys of findings before, and after `down`. */
  keys: { before: string[]; afterDown: string[] }
  schema: { before: string; afterDown: string }
}

/** `diagnose`, `optimize`, `up`, `diagnose`, `optimize`, `down`, `diagnose`, as the owner. */
export async function roundTrip(
  owner: Client,
  directory: string,
  options: Pick<OptimizeOptions, 'level' | 'schemas' | 'limit'> & {
    withoutProofs?: boolean
    whileUp?: () => Promise<void>
  },
): Promise<RoundTrip> {
  const { withoutProofs, whileUp, ...wanted } = options
  const rules = ownRules
  const look = () => diagnose(owner, { rules, ...(wanted.schemas ? { schemas: wanted.schemas } : {}) })
  const keysOf = ({ report }: Diagnosis): string[] => report.findings.map(({ key }) => key).toSorted()
  const before = await look()
  const schemaBefore = (await readFingerprint(owner)).text
  const begun = performance.now()
  const optimized = await optimize(owner, { rules, ...wanted, directory })
  await writeMigrations(directory, optimized.groups)
  const optimizeMs = performance.now() - begun
  const files = (await readdir(directory)).toSorted()
  for (const path of files.map((file) => join(directory, file))) {
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(`'hundredfold'`, `'${hundredfold}'`))
  }
  const up = await (withoutProofs ? runUpWithoutProofs : runUp)(owner, directory)
  await whileUp?.()
  const after = new Set(keysOf(await look()))
  const again = await optimize(owner, { rules, ...wanted, directory })
  const down = await runDown(owner, directory)
  return {
    ...{ before, optimized, files, optimizeMs },
    failures: [up.failure, down.failure].flatMap((failure) => (failure ? [failure.message] : [])),
    left: optimized.choice.cures.map(({ finding }) => keyOf(finding)).filter((key) => after.has(key)),
    again: again.groups.map(({ operation }) => operation.title),
    keys: { before: keysOf(before), afterDown: keysOf(await look()) },
    schema: { before: schemaBefore, afterDown: (await readFingerprint(owner)).text },
  }
}

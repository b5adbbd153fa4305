import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../postgres/connect.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { diagnose } from '../diagnose/diagnose.ts'
import type { DiagnosisReport } from '../diagnose/report.ts'
import { readFingerprint } from '../fingerprint/fingerprint.ts'
import { down } from '../migrate/down.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import type { Migration } from '../migrate/migration.ts'
import type { Plan } from '../migrate/plan.ts'
import { plan } from '../migrate/plan.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import type { RunResult } from '../migrate/up.ts'
import { up } from '../migrate/up.ts'
import type { Optimized } from '../optimize/optimize.ts'
import { optimize } from '../optimize/optimize.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import type { Server } from '../servers/server.ts'
import type { Claim } from './casaora/claims.ts'
import { casaoraClaims } from './casaora/claims.ts'
import type { CasaoraDatabase } from './casaora/database.ts'
import { createCasaora, readCasaoraWorkload } from './casaora/database.ts'
import type { CasaoraRows } from './casaora/load.ts'
import type { PartitionDemo, PartitionDemoOptions } from './demoPartitions.ts'
import { demoPartitions, partitionRows } from './demoPartitions.ts'
import type { Measurement } from './measure.ts'
import { measure } from './measure.ts'
import type { BenchRow } from './row.ts'

export interface DemoOptions extends PartitionDemoOptions {
  rows: CasaoraRows
  /** Partitions two tables between the ways up and down. */
  partition?: boolean
  /** Called with the findings before the migrations, and again after them. */
  onDiagnosis?: (report: DiagnosisReport) => void
  /** Called with what is to be written for findings and workload. */
  onOptimized?: (optimized: Optimized) => void
  /** Called with what a reviewer sees of it. */
  onPlan?: (plan: Plan) => void
}

export interface DemoResult {
  rows: BenchRow[]
  /** The number of findings before and after the migrations. */
  findings: { before: number; after: number }
  /** Migrations applied, and taken back again. */
  applied: number
  /** What came of partitioning, where that was asked for. */
  partition?: PartitionDemo
  /** The fingerprint after all migrations were taken back equals the one before. */
  reversible: boolean
}

/** Many: a few runs of half a millisecond would end while the server is still busy with what the migrations left. */
const warm = { runs: 101, budgetMs: 2_000 }

/**
 * Everything on a throw-away database: load, measure, diagnose, write migrations for findings and workload, plan them,
 * migrate up with conditions, measure and diagnose again, migrate down, and compare the schema with the one before.
 */
export async function runDemo(
  server: Server,
  options: DemoOptions,
): Promise<{ result: DemoResult; database: CasaoraDatabase }> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-demo-'))
  try {
    return await runIn(directory, server, options)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function runIn(
  directory: string,
  server: Server,
  options: DemoOptions,
): Promise<{ result: DemoResult; database: CasaoraDatabase }> {
  options.onStage?.(`Loading Casaora, ${options.rows}`)
  const database = await createCasaora(server, options.rows, options.onStep)
  const claims = await withStatements(casaoraClaims)
  const before = await readSchema(database)
  options.onStage?.('Measuring before')
  const slow = await measureAll(database, claims, options)
  options.onStage?.('Diagnosing as the owner, read only')
  const ill = await lookAt(database, options)
  options.onStage?.('Writing migrations for the findings, and the indexes that the workload wants')
  const migrations = await writeFor(database, directory, options)
  options.onStage?.('Planning them, for the reviewer')
  await planAll(database, migrations, options)
  options.onStage?.('Applying them as the owner, conditions checked before and after')
  const applied = await migrate(database, migrations, options, 'up')
  options.onStage?.('Measuring after')
  const fast = await measureAll(database, claims, options)
  options.onStage?.('Diagnosing again')
  const well = await lookAt(database, options)
  const partition = options.partition ? await demoPartitions(database, directory, options) : undefined
  options.onStage?.('Taking everything back')
  await migrate(database, migrations, options, 'down')
  const reversible = (await readSchema(database)).text === before.text
  const rows = [
    ...claims.map(({ claim }, index) => toRow(claim, slow[index], fast[index])),
    ...(partition ? partitionRows(partition) : []),
  ]
  const findings = { before: ill.findings.length, after: well.findings.length }
  return { result: { rows, findings, applied, ...(partition ? { partition } : {}), reversible }, database }
}

type MeasuredClaim = { claim: Claim; statement: WorkloadStatement }

async function withStatements(claims: Claim[]): Promise<MeasuredClaim[]> {
  const workload = new Map((await readCasaoraWorkload()).map((statement) => [statement.name, statement]))
  return claims.map((claim) => {
    const statement = workload.get(claim.statement)
    if (!statement) throw new Error(`workload.sql has no statement ${claim.statement}`)
    return { claim, statement }
  })
}

async function readSchema(database: CasaoraDatabase) {
  const client = await connect(database.superuserUrl)
  try {
    return await readFingerprint(client)
  } finally {
    await client.end()
  }
}

async function measureAll(
  database: CasaoraDatabase,
  claims: MeasuredClaim[],
  options: DemoOptions,
): Promise<Measurement[]> {
  const client = await connect(database.superuserUrl)
  try {
    const measured: Measurement[] = []
    for (const { claim, statement } of claims) {
      options.signal?.throwIfAborted()
      options.onStep?.(claim.title)
      measured.push(await measure(client, statement, warm))
    }
    return measured
  } finally {
    await client.end()
  }
}

async function lookAt({ ownerUrl }: CasaoraDatabase, options: DemoOptions): Promise<DiagnosisReport> {
  const client = await connect(ownerUrl)
  try {
    const { report } = await diagnose(client, {
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onStep ? { onStep: options.onStep } : {}),
    })
    options.onDiagnosis?.(report)
    return report
  } finally {
    await client.end()
  }
}

/** What `optimize --workload --complete` would write, as files. */
async function writeFor(
  { ownerUrl }: CasaoraDatabase,
  directory: string,
  options: DemoOptions,
): Promise<Migration[]> {
  const client = await connect(ownerUrl)
  try {
    const optimized = await optimize(client, {
      level: 'warn',
      directory,
      workload: { statements: await readCasaoraWorkload(), complete: true },
      ...(options.onStep ? { onStep: options.onStep } : {}),
    })
    options.onOptimized?.(optimized)
    await writeMigrations(directory, optimized.groups)
    return await loadMigrations(directory)
  } finally {
    await client.end()
  }
}

async function planAll(
  { ownerUrl }: CasaoraDatabase,
  migrations: Migration[],
  options: DemoOptions,
): Promise<void> {
  const client = await connect(ownerUrl)
  try {
    const planned = await plan(migrations, {}, client, {
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onStep ? { onProgress: options.onStep } : {}),
    })
    options.onPlan?.(planned)
  } finally {
    await client.end()
  }
}

async function migrate(
  { ownerUrl }: CasaoraDatabase,
  migrations: Migration[],
  options: DemoOptions,
  direction: 'up' | 'down',
): Promise<number> {
  const client = await connect(ownerUrl)
  try {
    const runOptions = {
      ...defaultRunOptions,
      client,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onEvent ? { onEvent: options.onEvent } : {}),
    }
    const result: RunResult =
      direction === 'up'
        ? await up(migrations, {}, runOptions)
        : await down(migrations, { count: migrations.length }, runOptions)
    if (result.failure) throw result.failure
    return result.ran.length
  } finally {
    await client.end()
  }
}

function toRow(claim: Claim, before: Measurement | undefined, after: Measurement | undefined): BenchRow {
  const beforeMs = before?.ms ?? 0
  const afterMs = after?.ms ?? 0
  const ratio = beforeMs / afterMs
  return {
    id: claim.id,
    title: claim.title,
    claim: claim.claim,
    before: Number(beforeMs.toPrecision(4)),
    after: Number(afterMs.toPrecision(4)),
    ratio: Number(ratio.toPrecision(4)),
    unit: 'ms',
    met: ratio >= claim.atLeast,
    how: `median of ${Math.min(before?.runs ?? 0, after?.runs ?? 0)} or more warm runs as the end user, planning included`,
  }
}

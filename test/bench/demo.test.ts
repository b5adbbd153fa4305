import { expect, test } from 'vitest'
import { casaoraClaims } from '../../src/bench/casaora/claims.ts'
import { casaoraServer } from '../../src/bench/casaora/database.ts'
import { runDemo } from '../../src/bench/demo.ts'
import type { PartitionDemo } from '../../src/bench/demoPartitions.ts'
import { loadConfig } from '../../src/config.ts'
import type { DiagnosisReport } from '../../src/diagnose/report.ts'
import type { Plan } from '../../src/migrate/plan.ts'
import type { Optimized } from '../../src/optimize/optimize.ts'
import { provideServer } from '../../src/servers/provideServer.ts'

/** Whether the claims are met is for the demo to say: this data is too small, and other tests run meanwhile. */
test(
  'the demo applies everything, partitions two tables, and takes all of it back',
  { timeout: 600_000 },
  async () => {
    const server = await provideServer({ ...loadConfig(), testDatabaseUrl: undefined }, casaoraServer)
    try {
      const stages: string[] = []
      const reports: DiagnosisReport[] = []
      const written: Optimized[] = []
      const planned: Plan[] = []
      const { result } = await runDemo(server, {
        rows: 'tiny',
        partition: true,
        onStage: (title) => stages.push(title),
        onDiagnosis: (report) => reports.push(report),
        onOptimized: (optimized) => written.push(optimized),
        onPlan: (plan) => planned.push(plan),
      })
      expect(stages).toHaveLength(13)
      expect(result.applied).toBeGreaterThan(0)
      expect(written.map(({ groups }) => groups.length)).toEqual([result.applied])
      expect(written[0]?.advice?.indexes.length).toBeGreaterThan(0)
      const [reviewed] = planned.map(({ migrations }) => migrations)
      expect(reviewed).toHaveLength(result.applied)
      expect(reviewed?.filter(({ reversible }) => !reversible)).toEqual([])
      expect(result.reversible).toBe(true)
      expect(result.rows.map(({ id }) => id)).toEqual([
        ...casaoraClaims.map(({ id }) => id),
        ...['partition_up', 'partition_down'],
      ])
      for (const { id, before, after } of result.rows) expect(Math.min(before, after), id).toBeGreaterThan(0)
      expect(result.findings.after).toBeLessThan(result.findings.before)
      expectPartitions(result.partition)
      const failed = reports.flatMap(({ sections }) => sections.filter(({ status }) => status === 'failed'))
      expect(failed).toEqual([])
      const rulesOf = (report: DiagnosisReport | undefined) => report?.findings.map(({ rule }) => rule)
      expect(rulesOf(reports[0])).toContain('auth_rls_initplan')
      expect(rulesOf(reports[1])).not.toContain('auth_rls_initplan')
    } finally {
      await server.stop()
    }
  },
)

/** Clients have used both tables all the time, and nothing of theirs is lost. */
function expectPartitions(partition: PartitionDemo | undefined): void {
  expect(partition).toMatchObject({ migrations: 13, lost: [] })
  if (!partition) return
  const { judgements, clients, added, made } = partition
  expect(judgements.map(({ foretelling }) => foretelling.keyed.table.name)).toEqual(['bookings', 'messages'])
  for (const { committed, failures } of Object.values(clients)) {
    expect(failures).toEqual([])
    expect(Math.min(...committed)).toBeGreaterThan(0)
  }
  expect(added).toEqual([
    { table: 'public.bookings', rows: 3_000 },
    { table: 'public.messages', rows: 3_000 },
  ])
  for (const table of ['bookings', 'messages']) {
    expect(made.filter((name) => name.startsWith(`public.${table}_2027_`))).not.toEqual([])
  }
}

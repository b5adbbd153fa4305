import { expect, test } from 'vitest'
import { hasRow, inGroup } from '../../../src/bench/bench.ts'
import { claimsBench } from '../../../src/bench/claims/claimsBench.ts'
import type { BenchRow } from '../../../src/bench/row.ts'
import { loadConfig } from '../../../src/config.ts'

/** Whether goals are met is for the bench to say: this data is too small, and other tests run meanwhile. */
test('writes, sizes and bloat are measured on three copies of one load', { timeout: 600_000 }, async () => {
  const versions: string[] = []
  const rows = await claimsBench.run({
    config: { ...loadConfig(), testDatabaseUrl: undefined },
    rows: 'tiny',
    only: ['writes', 'unused_indexes', 'bloat'],
    onStep: () => undefined,
    onServer: (version) => versions.push(version),
  })
  const byId = new Map(rows.map((row) => [row.id, row]))
  expect([...byId.keys()]).toEqual([
    'bloat',
    'bloat_scan',
    'writes',
    'writes_wal',
    'writes_all',
    'writes_hot',
    'unused_indexes',
  ])
  for (const row of rows) expect(Number.isFinite(row.before) && row.before > 0, row.id).toBe(true)
  expect(versions).toHaveLength(1)

  // What depends on no clock holds for any size.
  const improved = (id: string): boolean => ratioOf(byId.get(id)) > 1
  expect(improved('writes_wal')).toBe(true)
  expect(improved('unused_indexes')).toBe(true)
  expect(improved('bloat')).toBe(true)
  expect(byId.get('writes_hot')?.met).toBe(true)
})

function ratioOf(row: BenchRow | undefined): number {
  return row?.ratio ?? Number.NaN
}

test('a bench is found by its id, by each of its rows, and by a prefix of its rows', () => {
  for (const id of ['claims', 'rls', 'writes', 'writes_wal', 'pooling_trust'])
    expect(hasRow(claimsBench, id)).toBe(true)
  for (const id of ['write', 'deploy', 'search_']) expect(hasRow(claimsBench, id)).toBe(false)
  expect(inGroup('overall_buffers', 'overall')).toBe(true)
  expect(inGroup('overall', 'overall_buffers')).toBe(false)
})

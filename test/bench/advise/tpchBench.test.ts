import { expect, test } from 'vitest'
import { tpchBench } from '../../../src/bench/advise/tpchBench.ts'
import { loadConfig } from '../../../src/config.ts'

/** Whether the goal is met is for the bench to say: this data is too small. */
test("TPC-H's queries are measured without and with the advised indexes", { timeout: 300_000 }, async () => {
  const [row] = await tpchBench.run({
    config: { ...loadConfig(), testDatabaseUrl: undefined },
    rows: 'tiny',
    onStep: () => undefined,
  })
  expect(row?.id).toBe('advise_tpch')
  expect(row?.how).toMatch(/ [1-9]\d* indexes, .* gap of 0\.\d\d %/)
  // What depends on no clock holds for any size.
  expect(row?.buffers?.after).toBeLessThan(row?.buffers?.before ?? 0)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { sarifDocument } from '../../../src/report/diagnosis/sarif.ts'
import { makeReport, reports } from './forTools.ts'

/** What code scanning needs of SARIF 2.1.0. */
const sarif = z.object({
  version: z.literal('2.1.0'),
  runs: z.tuple([
    z.object({
      tool: z.object({
        driver: z.object({ name: z.literal('hundredfold'), rules: z.array(z.object({ id: z.string() })) }),
      }),
      automationDetails: z.object({ id: z.string() }),
      results: z.array(
        z.object({
          ruleId: z.string(),
          level: z.enum(['error', 'warning', 'note']),
          message: z.object({ text: z.string() }),
          locations: z.tuple([
            z.object({
              physicalLocation: z.object({
                artifactLocation: z.object({ uri: z.string() }),
                region: z.object({ startLine: z.literal(1) }),
              }),
              logicalLocations: z.tuple([z.object({ fullyQualifiedName: z.string() })]),
            }),
          ]),
          partialFingerprints: z.object({ 'hundredfold/v1': z.string() }),
          baselineState: z.enum(['new', 'unchanged']).optional(),
        }),
      ),
      invocations: z.tuple([
        z.object({
          executionSuccessful: z.boolean(),
          toolExecutionNotifications: z.array(z.object({ message: z.object({ text: z.string() }) })),
        }),
      ]),
    }),
  ]),
})

const finding = {
  ...{ rule: 'unused_index', level: 'warn' as const, subject: ['public', 'orders', 'a'], detail: 'Unused.' },
  ...{
    evidence: [],
    key: 'unused_index public.orders.a',
    remedy: { kind: 'none' as const, title: 'Drop it.' },
  },
}

test('a finding is a result in the file of its object, with its key as fingerprint', () => {
  const report = makeReport([finding], { database: 'app', reason: 'no rights' })
  const [run] = sarif.parse(JSON.parse(sarifDocument(report))).runs
  expect(run.results).toMatchObject([
    {
      ...{ ruleId: 'unused_index', level: 'warning', message: { text: 'Unused.\nDrop it.' } },
      partialFingerprints: { 'hundredfold/v1': 'unused_index public.orders.a' },
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: 'postgresql/app/public/orders' } },
          logicalLocations: [{ fullyQualifiedName: 'public.orders.a' }],
        },
      ],
    },
  ])
  expect(run.results[0]?.baselineState).toBeUndefined()
  expect(run.tool.driver.rules.map(({ id }) => id)).toEqual(['unused_index'])
})

test('what was not seen is said, and is no success', () => {
  const report = makeReport([], { database: 'app', reason: 'no rights' })
  const [{ executionSuccessful, toolExecutionNotifications }] = sarif.parse(JSON.parse(sarifDocument(report)))
    .runs[0].invocations
  expect(executionSuccessful).toBe(false)
  expect(toolExecutionNotifications.map(({ message }) => message.text)).toEqual([
    'rule/table_bloat was skipped: no rights',
    'rule/slow_query was not finished: no rights',
  ])
})

test('beside a baseline each finding is new or unchanged', () => {
  const report = makeReport([finding, { ...finding, key: 'other' }], { database: 'app', reason: '' })
  const document = sarifDocument(report, { isNew: ({ key }) => key === 'other' })
  const [run] = sarif.parse(JSON.parse(document)).runs
  expect(run.results.map(({ baselineState }) => baselineState)).toEqual(['unchanged', 'new'])
})

test('whatever the names are, it is SARIF, and each place is a relative address below postgresql/', () => {
  fc.assert(
    fc.property(reports, (report) => {
      const [run] = sarif.parse(JSON.parse(sarifDocument(report))).runs
      expect(run.results).toHaveLength(report.findings.length)
      for (const { locations } of run.results) {
        const { uri } = locations[0].physicalLocation.artifactLocation
        const { pathname, search, hash } = new URL(uri, 'http://host/')
        expect({ path: pathname, search, hash }).toEqual({ path: `/${uri}`, search: '', hash: '' })
        expect(uri.startsWith('postgresql/')).toBe(true)
      }
    }),
    { numRuns: 1_000 },
  )
})

import { expect, test } from 'vitest'
import { countSamples } from '../../../src/operate/connections/sample.ts'

test('statements are counted with what they wait for', () => {
  const looks = [
    [
      { statement: 'SELECT 1', waitsFor: null },
      { statement: 'SELECT 2', waitsFor: 'IO: DataFileRead' },
    ],
    [{ statement: 'SELECT 3', waitsFor: 'IO: DataFileRead' }],
    [{ statement: 'UPDATE t', waitsFor: 'Lock: transactionid' }],
    [],
  ]
  expect(countSamples(looks, (statement) => statement.replace(/\d/, '…'))).toEqual([
    {
      statement: 'SELECT …',
      sessions: 0.75,
      waits: [
        { event: 'IO: DataFileRead', share: 2 / 3 },
        { event: 'running', share: 1 / 3 },
      ],
    },
    { statement: 'UPDATE t', sessions: 0.25, waits: [{ event: 'Lock: transactionid', share: 1 }] },
  ])
})

import { expect, test } from 'vitest'
import {
  durationText,
  parseDurationMs,
  parseQuantity,
  quantityText,
} from '../../../src/operate/alerts/quantity.ts'

test.each([
  ['80 %', { value: 80, unit: 'percent' }],
  ['99.5%', { value: 99.5, unit: 'percent' }],
  ['250ms', { value: 0.25, unit: 'seconds' }],
  ['2 min', { value: 120, unit: 'seconds' }],
  ['10 GB', { value: 10 * 1_024 ** 3, unit: 'bytes' }],
  ['5/s', { value: 5, unit: 'per_second' }],
  ['1,000', { value: 1_000, unit: 'count' }],
  ['-1', { value: -1, unit: 'count' }],
])('%s has a value and a unit', (text, quantity) => {
  expect(parseQuantity(text)).toEqual(quantity)
})

test.each(['', '%', 'lots', '80 percent', '1 gb', '1e9', '80 % %', '0x10', 'constructor', '1 constructor'])(
  '"%s" is no value',
  (text) => {
    expect(parseQuantity(text)).toBeUndefined()
  },
)

test('durations are times of at least nothing', () => {
  expect(['30s', '5m', '4h', '7d', '0s'].map(parseDurationMs)).toEqual([
    ...[30_000, 300_000, 14_400_000, 604_800_000, 0],
  ])
  expect(['60', '-1s', '5 %', 'soon'].map(parseDurationMs)).toEqual(Array(4).fill(undefined))
})

test('people read values in the unit of their metric', () => {
  expect([
    quantityText(85.23456, 'percent'),
    quantityText(1.25, 'seconds'),
    quantityText(0.0123, 'seconds'),
    quantityText(0, 'seconds'),
    quantityText(10 * 1_024 ** 3, 'bytes'),
    quantityText(512, 'bytes'),
    quantityText(2 * 1_024 ** 5, 'bytes'),
    quantityText(1_234_567, 'count'),
    quantityText(5, 'per_second'),
  ]).toEqual(['85.23 %', '1.25 s', '12.3 ms', '0 s', '10 GB', '512 B', '2,048 TB', '1,234,567', '5 /s'])
  expect([250, 30_000, 90_000, 14_400_000, 604_800_000].map(durationText)).toEqual([
    ...['250 ms', '30 s', '1.5 min', '4 h', '7 d'],
  ])
})

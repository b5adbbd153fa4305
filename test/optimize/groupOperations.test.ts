import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIndex } from '../../src/operations/createIndex.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { enableRowSecurity } from '../../src/operations/enableRowSecurity.ts'
import { setFunctionSearchPath } from '../../src/operations/setFunctionSearchPath.ts'
import { setStorageParameters } from '../../src/operations/setStorageParameters.ts'
import { groupOperations } from '../../src/optimize/groupOperations.ts'

const why = 'Every look at the table reads all of it.'

function index(name: string, column: string): Operation {
  const table = { schema: 'public', name }
  return createIndex({ table, on: [column], takenNames: new Set(), rule: 'unindexed_foreign_keys', why })
}

function secure(name: string): Operation {
  return enableRowSecurity(
    { schema: 'public', name },
    { rule: 'partition_without_rls', why: `Anybody reads ${name}.` },
  )
}

/** Titles of the files, with what each does. */
function files(operations: Operation[]): [title: string, up: string[]][] {
  return groupOperations(operations).map(({ operation }) => [operation.title, operation.up])
}

describe('what goes into one file', () => {
  test('is what one rule changes in one table', () => {
    const operations = [index('a', 'x'), index('b', 'x'), index('a', 'y'), secure('a')]
    expect(files(operations)).toEqual([
      ['create-indexes-of-a', [...(operations[0]?.up ?? []), ...(operations[2]?.up ?? [])]],
      ['create-b-x-idx', operations[1]?.up],
      ['secure-a', operations[3]?.up],
    ])
  })

  test('is separate for two rules of one table, even with the same kind of operation', () => {
    const table = { schema: 'public', name: 'a' }
    const set = (rule: string, name: string): Operation =>
      setStorageParameters({ table, current: {}, wanted: { [name]: '1' }, rule, why })
    expect(
      files([set('low_hot_ratio', 'fillfactor'), set('autovacuum_settings', 'autovacuum_vacuum_threshold')]),
    ).toHaveLength(2)
  })

  test('gives the reason of each operation, and a shared one once', () => {
    const [indexes] = groupOperations([index('a', 'x'), index('a', 'y')])
    expect(indexes?.operation.why).toBe(why)
    const many = groupOperations(Array.from({ length: 100 }, (_, at) => secure(`t${at}`)))
    expect(many[0]?.operation.why).toContain('- Anybody reads t0.\n- Anybody reads t1.\n')
  })

  test('is taken back in the opposite order', () => {
    const [one] = groupOperations([index('a', 'x'), index('a', 'y')])
    expect(one?.operation.down).toEqual([...index('a', 'y').down, ...index('a', 'x').down])
  })
})

describe('of many tables', () => {
  test('there are no more files than somebody reads, and none is larger than needed', () => {
    const operations = Array.from({ length: 544 }, (_, table) => [
      ...['x', 'y', 'z', 'u', 'v'].map((column) => index(`t${table}`, column)),
      secure(`t${table}`),
    ]).flat()
    const groups = groupOperations(operations)
    expect(groups.length).toBeLessThanOrEqual(60)
    expect(groups.length).toBeGreaterThan(40)
    expect(groups[0]?.operation.title).toBe('create-indexes-of-t0-and-11-more')
  })

  test('functions of one schema are cut into files that can be read, each with a name of its own', () => {
    const operations = Array.from({ length: 544 }, (_, at) =>
      setFunctionSearchPath({ schema: 'public', name: `f${at}`, args: '' }, 'md5'),
    )
    const groups = groupOperations(operations)
    const sizes = groups.map(({ operation }) => operation.up.length)
    expect(sizes).toEqual([...Array.from({ length: 10 }, () => 50), 44])
    expect(groups.map(({ operation }) => operation.title).slice(0, 2)).toEqual([
      'set-search-paths-of-public',
      'set-search-paths-of-public-2',
    ])
  })

  test('each is in one file, with its ids and conditions, and after what it requires', () => {
    const operation = fc
      .record({
        table: fc.nat(80),
        column: fc.constantFrom('x', 'y', 'z'),
        isIndex: fc.boolean(),
        needs: fc.boolean(),
      })
      .map(({ table, column, isIndex, needs }): Operation => {
        const made = isIndex ? index(`t${table}`, column) : secure(`t${table}`)
        return needs ? { ...made, requires: [index(`needed${table}`, 'id')] } : made
      })
    fc.assert(
      fc.property(
        fc.uniqueArray(operation, { selector: ({ ids }) => ids.join(), maxLength: 300 }),
        (chosen) => {
          const required = new Map(
            chosen.flatMap(({ requires = [] }) => requires).map((each) => [each.ids.join(), each]),
          )
          const operations = [...required.values(), ...chosen]
          const groups = groupOperations(operations)
          expect(groups.flatMap(({ operation: { ids } }) => ids).toSorted()).toEqual(
            operations.flatMap(({ ids }) => ids).toSorted(),
          )
          const place = new Map(
            groups.flatMap(({ operations: held }, at) => held.map((each) => [each.ids.join(), at])),
          )
          for (const { ids, requires = [] } of operations) {
            for (const each of requires)
              expect(place.get(each.ids.join())).toBeLessThan(place.get(ids.join()) ?? -1)
          }
          for (const { operation: whole, operations: held } of groups) {
            expect(new Set(held.map(({ rule, kind }) => `${rule} ${kind}`)).size).toBe(1)
            for (const each of held) {
              for (const call of [...each.before, ...each.after])
                expect([...whole.before, ...whole.after]).toContainEqual(call)
            }
          }
        },
      ),
    )
  })
})

import { installedVersions } from '../../servers/installation.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { median } from '../../median.ts'
import { benchRow, inGroup, moreIsBetterRow } from '../bench.ts'
import type { BenchRow } from '../row.ts'
import type { Compared, ComparedPair } from './comparePairs.ts'
import { comparePairs, methodsOf, percentile } from './comparePairs.ts'

const supported = [14, 15, 16, 17, 18]
const shapesAtLeast = 97
const medianAtMost = 1
const errorAtMost = 5
const sizesAtMost = 10

/** Plans with an index that is only thought of, against plans with the same index built. */
export const accuracyBench: Bench = {
  id: 'advise_accuracy',
  title: 'Plans in the shadow, against built indexes',
  rowIds: ['advise_accuracy', 'advise_accuracy_median', 'advise_accuracy_p95', 'advise_sizes'],
  async run({ only, onStep, onServer, onSkip }: BenchContext) {
    const installed = installedVersions()
    const byVersion = new Map<number, Compared>()
    for (const version of supported) {
      if (installed.includes(version)) {
        onStep(`PostgreSQL ${version}`)
        byVersion.set(version, await comparePairs(version))
      } else {
        onSkip?.(
          `advise_accuracy on PostgreSQL ${version}`,
          'that version is not installed; scripts/install-test-engines.sh brings it',
        )
      }
    }
    onServer?.([...byVersion.keys()].join(', '))
    const wanted = (id: string): boolean =>
      only === undefined || only.some((each) => each === 'advise_accuracy' || inGroup(id, each))
    return [...accuracyRows(byVersion), sizesRow(byVersion)].filter(({ id }) => wanted(id))
  },
}

function accuracyRows(byVersion: ReadonlyMap<number, Compared>): BenchRow[] {
  const pairs = [...byVersion.values()].flatMap((compared) => compared.pairs)
  const shapes = sameShapes(pairs)
  const errors = pairs.map(errorOf)
  const middle = median(errors)
  const nearly = percentile(errors, 95)
  const perVersion = Array.from(byVersion, ([version, compared]) => `${version}: ${sayPairs(compared.pairs)}`)
  const perMethod = methodsOf(pairs).map(([method, own]) => `${method}: ${sayPairs(own)}`)
  const roles = [
    `as superuser: ${sayPairs(pairs.filter(({ statement }) => statement.role === undefined))}`,
    `behind policies: ${sayPairs(pairs.filter(({ statement }) => statement.role !== undefined))}`,
  ]
  const used = pairs.filter(({ isUsed }) => isUsed).length
  return [
    moreIsBetterRow({
      id: 'advise_accuracy',
      title: 'Same plan in the shadow as with the index built, share of statement and index pairs',
      claim: `at least ${shapesAtLeast} %`,
      before: shapesAtLeast,
      after: shapes,
      unit: '%',
      met: shapes >= shapesAtLeast,
      how: `before is the limit; ${pairs.length} pairs, of which ${used} use the index; ${[...perVersion, ...perMethod, ...roles].join('; ')}`,
    }),
    benchRow({
      id: 'advise_accuracy_median',
      title: 'Total cost in the shadow against built, median error',
      claim: `at most ${medianAtMost} %`,
      before: medianAtMost,
      after: Math.max(middle, 0.001),
      unit: '%',
      met: middle <= medianAtMost,
      how: `before is the limit; the same ${pairs.length} pairs, 0.001 stands for anything below`,
    }),
    benchRow({
      id: 'advise_accuracy_p95',
      title: 'Total cost in the shadow against built, 95th percentile of the error',
      claim: `at most ${errorAtMost} %`,
      before: errorAtMost,
      after: Math.max(nearly, 0.001),
      unit: '%',
      met: nearly <= errorAtMost,
      how: `before is the limit; most wrong: ${mostWrong(pairs)}`,
    }),
  ]
}

function sizesRow(byVersion: ReadonlyMap<number, Compared>): BenchRow {
  const sizes = [...byVersion.values()].flatMap((compared) => compared.sizes)
  const errorsOf = (some: typeof sizes): number[] =>
    some.map(({ estimated, built }) => 100 * Math.abs(estimated / built - 1))
  const middle = median(errorsOf(sizes))
  const perMethod = methodsOf(sizes).map(([method, own]) => {
    const errors = errorsOf(own)
    return `${method} ${errors.length}: median ${say(median(errors))}, 90th percentile ${say(percentile(errors, 90))}`
  })
  return benchRow({
    id: 'advise_sizes',
    title: 'Size of an index from statistics against built, median error',
    claim: `at most ${sizesAtMost} %`,
    before: sizesAtMost,
    after: Math.max(middle, 0.001),
    unit: '%',
    met: middle <= sizesAtMost,
    how: `before is the limit; ${perMethod.join('; ')}`,
  })
}

function sayPairs(pairs: readonly ComparedPair[]): string {
  const errors = pairs.map(errorOf)
  return `${pairs.length} pairs, ${say(sameShapes(pairs))} same shape, error ${say(median(errors))} in the median and ${say(percentile(errors, 95))} at the 95th percentile`
}

function mostWrong(pairs: readonly ComparedPair[]): string {
  const worst = new Map<string, number>()
  for (const pair of pairs) {
    worst.set(pair.statement.sql, Math.max(errorOf(pair), worst.get(pair.statement.sql) ?? 0))
  }
  return [...worst]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([sql, error]) => `${say(error)} ${sql}`)
    .join('; ')
}

const errorOf = ({ shadow, built }: ComparedPair): number => 100 * Math.abs(shadow.cost / built.cost - 1)

function sameShapes(pairs: readonly ComparedPair[]): number {
  return (100 * pairs.filter(({ shadow, built }) => shadow.shape === built.shape).length) / pairs.length
}

const say = (percent: number): string => `${Number(percent.toPrecision(2))} %`

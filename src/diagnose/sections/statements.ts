import type { StatementStatistics } from '../../catalog/statements.ts'
import { readStatements } from '../../catalog/statements.ts'
import { readBlockSize } from '../../catalog/bloat.ts'
import { whatIsHidden } from '../../rules/server/hiddenStatements.ts'
import { isSlow, leastCalls, slowMs } from '../../workload/slowStatements.ts'
import { targets } from '../../metrics/targets.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import type { Column, TableBlock } from '../block.ts'
import { tableBlock, textBlock } from '../block.ts'
import type { Metric } from '../report.ts'
import type { Section } from '../section.ts'

/** The statements that the server spent most time on. */
export const statementsByTotal: Section = {
  id: 'statements_by_total',
  title: 'Slowest statements by total time',
  async look(context) {
    const { statements, countedSince, hidden } = await context.read(readStatements)
    const total = statements.reduce((sum, { totalMs }) => sum + totalMs, 0)
    return {
      blocks: [
        ...(hidden.statements > 0 ? [textBlock(whatIsHidden(hidden.statements))] : []),
        {
          ...ranking('statements_by_total', 'By total time', statements, ({ totalMs }) => totalMs, [
            ['total', 'ms', ({ totalMs }) => totalMs],
            ['share', 'percent', ({ totalMs }) => (100 * totalMs) / Math.max(total, Number.MIN_VALUE)],
            ['mean', 'ms', ({ meanMs }) => meanMs],
            ['calls', 'count', ({ calls }) => calls],
          ]),
          chart: { label: 0, values: [3] },
        },
      ],
      metrics: [slowQueries(statements, total, hidden.statements)],
      statements: {
        countedSince: countedSince?.toISOString() ?? null,
        list: statements.slice(0, 50).map(({ id, text, calls, totalMs, meanMs }) => ({
          id,
          text: excerpt(text),
          calls,
          totalMs,
          meanMs,
        })),
      },
    }
  },
}

/** The statements whose calls take longest. */
export const statementsByMean: Section = {
  id: 'statements_by_mean',
  title: 'Slowest statements by mean time',
  async look(context) {
    const { statements } = await context.read(readStatements)
    return {
      blocks: [
        ranking('statements_by_mean', 'By mean time', statements, ({ meanMs }) => meanMs, [
          ['mean', 'ms', ({ meanMs }) => meanMs],
          ['longest', 'ms', ({ maxMs }) => maxMs],
          ['deviation', 'ms', ({ deviationMs }) => deviationMs],
          ['calls', 'count', ({ calls }) => calls],
        ]),
      ],
    }
  },
}

/** The statements that are called, read, sort, write or return most. */
export const statementsByWork: Section = {
  id: 'statements_by_work',
  title: 'Statements by calls, I/O, temporary files, WAL and rows',
  async look(context) {
    const { statements } = await context.read(readStatements)
    const blockSize = await context.read(readBlockSize)
    return {
      blocks: [
        ranking('statements_by_calls', 'By calls', statements, ({ calls }) => calls, [
          ['calls', 'count', ({ calls }) => calls],
          ['mean', 'ms', ({ meanMs }) => meanMs],
        ]),
        ranking(
          'statements_by_reads',
          'By reads from outside the cache',
          statements,
          ({ blocksRead }) => blocksRead,
          [
            ['read', 'bytes', ({ blocksRead }) => blocksRead * blockSize],
            ['found in cache', 'bytes', ({ blocksHit }) => blocksHit * blockSize],
            ['reading', 'ms', ({ readMs }) => readMs],
          ],
        ),
        ranking(
          'statements_by_temp',
          'By temporary files',
          statements,
          ({ tempBlocksWritten }) => tempBlocksWritten,
          [
            ['written', 'bytes', ({ tempBlocksWritten }) => tempBlocksWritten * blockSize],
            ['per call', 'bytes', ({ tempBlocksWritten, calls }) => (tempBlocksWritten * blockSize) / calls],
          ],
        ),
        ranking('statements_by_wal', 'By write-ahead log', statements, ({ walBytes }) => walBytes, [
          ['written', 'bytes', ({ walBytes }) => walBytes],
          ['per call', 'bytes', ({ walBytes, calls }) => walBytes / calls],
        ]),
        ranking('statements_by_rows', 'By rows', statements, ({ rows }) => rows, [
          ['rows', 'count', ({ rows }) => rows],
          ['per call', 'count', ({ rows, calls }) => rows / calls],
        ]),
      ],
    }
  },
}

function ranking(
  id: string,
  title: string,
  statements: StatementStatistics[],
  by: (statement: StatementStatistics) => number,
  figures: Column<StatementStatistics>[],
): TableBlock {
  return tableBlock({
    id,
    title,
    figures: 'measured',
    limit: 15,
    columns: [
      ['statement', 'text', ({ text }) => excerpt(text)],
      ['role', 'text', ({ role }) => role],
      ...figures,
    ],
    items: statements.filter((statement) => by(statement) > 0).sort((one, other) => by(other) - by(one)),
  })
}

function slowQueries(statements: StatementStatistics[], total: number, hidden: number): Metric {
  const slow = statements.filter((statement) => isSlow(statement, total))
  const met = slow.length <= targets.slow_queries
  return {
    id: 'slow_queries',
    title: 'Slow statements',
    value: slow.length,
    unit: 'statements',
    target: targets.slow_queries,
    better: 'lower',
    // What is hidden may be slow.
    ...(met && hidden > 0 ? {} : { met }),
    kind: 'measured',
    note: `${slowMs} ms or more on average, ${leastCalls} calls or more, and at least a hundredth of all time${hidden > 0 ? `; ${hidden} statements of other roles are hidden` : ''}`,
  }
}

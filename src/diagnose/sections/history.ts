import type { History, Point } from '../../history/history.ts'
import { seriesOf } from '../../history/history.ts'
import { chooseTier, foretell } from '../../history/forecast.ts'
import { keptMetrics } from '../../history/kept.ts'
import type { ChartBlock } from '../block.ts'
import { textBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** How the metrics that `monitor` has kept went, and when something runs out. */
export const history: Section = {
  id: 'history',
  title: 'Trend and forecast',
  look({ history, now }) {
    if (!history) {
      return Promise.resolve({
        blocks: [
          textBlock(
            'No history of this database is here. It is kept in .hundredfold/ while this runs, in this directory:',
            '  hundredfold monitor --every 60s',
          ),
        ],
      })
    }
    return Promise.resolve({
      blocks: [{ kind: 'forecasts' as const, forecasts: foretell(history, now) }, ...charts(history, now)],
    })
  },
}

function charts(history: History, now: Date): ChartBlock[] {
  return keptMetrics.flatMap(({ metric, end }) =>
    seriesOf(history, metric.id).flatMap(({ series, points }) => {
      const chosen: Point[] = chooseTier(points, now.getTime() / 1_000)
      if (chosen.length < 2) return []
      return {
        kind: 'chart' as const,
        series,
        now: points[0]?.points.at(-1)?.mean ?? chosen.at(-1)?.mean ?? 0,
        points: chosen.map(({ at, mean, max }): [number, number, number] => [at, mean, max]),
        ...(end ? { end: end.at } : {}),
      }
    }),
  )
}

import { connect } from '../../postgres/connect.ts'
import { startEmbedded } from '../../servers/embedded.ts'
import { installedVersions } from '../../servers/installation.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { inGroup } from '../bench.ts'
import { hasDebianExtension } from '../partition/debianExtension.ts'
import type { BenchRow } from '../row.ts'
import { cancelledRow } from './cancelledRow.ts'
import { remedyRow } from './remedyRow.ts'
import { rowCount, setScene } from './scene.ts'

const remedies = ['vacuum', 'reindex', 'full', 'repack'] as const
const ids = [...remedies, 'cancelled'].map((name) => `bloat_${name}`)

/**
 * What each remedy for bloat gives back, against what was foretold, on copies of one table of a million rows. A writer works
 * through REINDEX CONCURRENTLY and pg_repack, and must not see an error.
 */
export const bloatBench: Bench = {
  id: 'bloat_remedies',
  title: 'What the remedies for bloat give back',
  rowIds: ids,
  async run(context) {
    if (!installedVersions().includes(15) || !hasDebianExtension('pg_repack')) {
      for (const id of ids) {
        context.onSkip?.(
          id,
          'PostgreSQL 15 or pg_repack is missing; scripts/install-test-engines.sh brings both',
        )
      }
      return []
    }
    const server = await startEmbedded({
      version: 15,
      settings: { autovacuum: 'off', max_wal_size: '4GB', maintenance_work_mem: '256MB' },
    })
    const administrator = await connect(server.url())
    try {
      context.onStep(`a table of ${rowCount.toLocaleString('en-US')} rows, half of it empty`)
      await administrator.query('CREATE DATABASE template')
      await setScene(server.url('template'))
      const rows: BenchRow[] = []
      for (const name of [...remedies, 'cancelled'] as const) {
        if (!isWanted(context, `bloat_${name}`)) continue
        context.onStep(name)
        await administrator.query('CREATE DATABASE copy TEMPLATE template')
        const place = { server, path: context.config.path }
        rows.push(name === 'cancelled' ? await cancelledRow(place) : await remedyRow(place, name))
        await administrator.query('DROP DATABASE copy WITH (FORCE)')
      }
      return rows
    } finally {
      await administrator.end()
      await server.stop()
    }
  },
}

function isWanted({ only }: BenchContext, id: string): boolean {
  return only === undefined || only.some((wanted) => wanted === bloatBench.id || inGroup(id, wanted))
}

import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { readServerFacts } from '../../catalog/server.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import { readCacheHits } from '../../metrics/cacheHits.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { targets } from '../../metrics/targets.ts'

const poor = 90

/**
 * A database that finds too few blocks in shared_buffers. The others come from the operating system's cache or from the
 * disk; PostgreSQL cannot tell which. Mostly indexes are missing, and not memory: full scans read what nobody asked
 * for.
 *
 * ```sql
 * SELECT sum(heap_blks_hit) / sum(heap_blks_hit + heap_blks_read) FROM pg_statio_user_tables;  -- before: 0.82
 * -- after the missing indexes and, where it is still low, more shared_buffers: 0.998
 * ```
 */
export const cacheHitRatio: Rule = {
  name: 'cache_hit_ratio',
  finds: `a database that finds less than ${targets.cache_hit_ratio} % of its blocks in shared_buffers`,
  cure: 'the indexes that avoid the reads, then more memory',
  async find(context) {
    const { percent, met, blocksRead, mostRead } = await readCacheHits(context)
    if (percent === null || met !== false) return []
    const { database: name, databaseBytes: sizeBytes } = await context.read(readServerFacts)
    const { ageDays } = await context.read(findStatisticsAge)
    const most = mostRead.slice(0, 5)
    return [
      {
        level: percent < poor ? 'warn' : 'info',
        subject: [name],
        detail: `${percent} % of the blocks of tables and indexes that were asked for in ${displayIdentifier(name)} were in shared_buffers; PostgreSQL does not count whether the others came from the operating system's cache or the disk.`,
        evidence: [
          measured('hit ratio', percent, '%'),
          measured('blocks read', blocksRead),
          measured('database size', sizeBytes, 'bytes'),
          measured('age of the statistics', Math.round(ageDays * 10) / 10, 'days'),
          ...most.map((table) => measured(`blocks of ${display(table)} read`, table.blocksRead)),
        ],
        remedy: runbook(
          'Avoid the reads, then add memory',
          `See missing_index and unindexed_foreign_keys of ${most.map(display).join(', ') || 'the largest tables'} first: a full scan reads every block.`,
          'See table_bloat and index_bloat of them: a half-empty block takes as much of the cache as a full one.',
          "Where it stays low: ALTER SYSTEM SET shared_buffers = '...'; a quarter of the memory is usual. It takes a restart; on a managed platform choose a larger size.",
        ),
      },
    ]
  },
}

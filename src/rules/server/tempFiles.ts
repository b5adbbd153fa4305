import { displayIdentifier } from '../../postgres/identifiers.ts'
import { readDatabaseCounters } from '../../catalog/databaseCounters.ts'
import { readServerFacts } from '../../catalog/server.ts'
import { listSettings } from '../../catalog/settings.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

const mebibyte = 1024 * 1024
const enoughBytes = 64 * mebibyte
const enoughFiles = 10
/** Per day: a steady stream to the disk. */
const muchPerDay = 10 * 1024 * mebibyte

/**
 * Sorts, hashes and materialized results that do not fit in work_mem and go to files.
 *
 * ```sql
 * SELECT ... ORDER BY created_at;  -- before: Sort Method: external merge  Disk: 48 MB
 * CREATE INDEX ... (created_at);   -- after: no sort at all; or work_mem = '64MB' for the role that runs it
 * ```
 */
export const tempFiles: Rule = {
  name: 'temp_files',
  finds: 'sorts and hashes that do not fit in memory and go to files',
  cure: 'an index that avoids the sort, or more work_mem for one role',
  async find(context) {
    const { temporaryFiles, temporaryBytes } = await context.read(readDatabaseCounters)
    const { database: name } = await context.read(readServerFacts)
    if (temporaryBytes < enoughBytes || temporaryFiles < enoughFiles) return []
    const { ageDays } = await context.read(findStatisticsAge)
    const workMemory = (await context.read(listSettings)).get('work_mem')
    const average = temporaryBytes / temporaryFiles
    const suggestion = Math.min(256, 2 ** Math.ceil(Math.log2(Math.max(8, (3 * average) / mebibyte))))
    return [
      {
        level: temporaryBytes / Math.max(1, ageDays) >= muchPerDay ? 'warn' : 'info',
        subject: [name],
        detail: `Sorts and hashes of ${displayIdentifier(name)} wrote ${temporaryFiles} temporary files, ${Math.round(average / mebibyte)} MB each on average.`,
        evidence: [
          measured('temporary files', temporaryFiles),
          measured('written to them', temporaryBytes, 'bytes'),
          measured('age of the statistics', Math.round(ageDays * 10) / 10, 'days'),
          measured('work_mem', workMemory ? `${workMemory.value} ${workMemory.unit ?? ''}`.trim() : null),
        ],
        remedy: runbook(
          'Avoid the sort, or give its role more memory',
          'SELECT calls, temp_blks_written, query FROM pg_stat_statements WHERE temp_blks_written > 0 ORDER BY temp_blks_written DESC LIMIT 10;',
          'EXPLAIN (ANALYZE, BUFFERS) the first: an index in the order of its ORDER BY or GROUP BY avoids the sort.',
          `Else for the role that runs it: ALTER ROLE ... SET work_mem = '${suggestion}MB'; each sort and hash of each connection may take that much, so not for all roles.`,
        ),
      },
    ]
  },
}

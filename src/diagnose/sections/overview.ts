import { readDatabaseCounters } from '../../catalog/databaseCounters.ts'
import { listSettings } from '../../catalog/settings.ts'
import { tableBlock, textBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Those that are shown; one that this version does not have is left out. */
const settings = [
  'shared_buffers',
  'effective_cache_size',
  'work_mem',
  'maintenance_work_mem',
  'max_connections',
  'random_page_cost',
  'effective_io_concurrency',
  'default_statistics_target',
  'autovacuum',
  'autovacuum_max_workers',
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  'shared_preload_libraries',
  'track_io_timing',
  'jit',
]

/** Who was looked at, by whom, and with which settings. */
export const overview: Section = {
  id: 'overview',
  title: 'Server and database',
  async look(context) {
    const { server } = context
    const counters = await context.read(readDatabaseCounters)
    const seen = await context.read(listSettings)
    const unseen = server.seesAllStatistics
      ? []
      : [
          `Role ${server.role} is no member of pg_monitor: other roles' statements, sessions and some settings stay hidden.`,
        ]
    return {
      blocks: [
        textBlock(
          `PostgreSQL ${server.version} (${server.provider}), database ${server.database}, as ${server.role}` +
            (server.isSuperuser ? ', a superuser' : '') +
            (server.isStandby ? ', on a standby' : ''),
          `Counters since ${server.countersSince.toISOString()}${server.statisticsReset ? '' : ' (start of the server; never reset)'}`,
          ...unseen,
        ),
        tableBlock({
          id: 'activity',
          title: 'Since the counters were reset',
          figures: 'measured',
          columns: [
            ['database size', 'bytes', () => server.databaseBytes],
            ['commits', 'count', ({ commits }) => commits],
            ['rollbacks', 'count', ({ rollbacks }) => rollbacks],
            ['deadlocks', 'count', ({ deadlocks }) => deadlocks],
            ['temporary files', 'count', ({ temporaryFiles }) => temporaryFiles],
            ['temporary bytes', 'bytes', ({ temporaryBytes }) => temporaryBytes],
          ],
          items: [counters],
        }),
        tableBlock({
          id: 'settings',
          title: 'Settings',
          figures: 'measured',
          columns: [
            ['setting', 'text', ({ name }) => name],
            ['value', 'text', ({ resetValue }) => resetValue],
            ['unit', 'text', ({ unit }) => unit],
            ['set by', 'text', ({ source }) => (source === 'session' ? '' : source)],
          ],
          items: settings.flatMap((name) => seen.get(name) ?? []),
        }),
      ],
      counters: { ...counters },
    }
  },
}

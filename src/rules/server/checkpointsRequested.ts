import { findCheckpointCounters } from '../../catalog/checkpoints.ts'
import { bytesOf, listSettings } from '../../catalog/settings.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

const enough = 10
const tolerable = 0.3

/**
 * Checkpoints that come before checkpoint_timeout, because max_wal_size was reached. After each checkpoint the first
 * change of a page writes the whole page to the WAL, so frequent ones multiply what is written, and clients feel the
 * disk.
 *
 * ```sql
 * SELECT num_timed, num_requested FROM pg_stat_checkpointer;  -- before: 12 and 340
 * ALTER SYSTEM SET max_wal_size = '4GB';                      -- after: 200 and 3
 * ```
 */
export const checkpointsRequested: Rule = {
  name: 'checkpoints_requested',
  finds: 'checkpoints that come before checkpoint_timeout',
  cure: 'a larger max_wal_size',
  async find(context) {
    const { timed, requested, resetAt } = await context.read(findCheckpointCounters)
    const share = requested / Math.max(1, timed + requested)
    if (requested < enough || share <= tolerable) return []
    const size = (await context.read(listSettings)).get('max_wal_size')
    const gibibytes = Math.max(2, Math.ceil((size ? bytesOf(size) : 0) / 1024 ** 3) * 2)
    const percent = Math.round(share * 100)
    return [
      {
        level: 'warn',
        subject: ['max_wal_size'],
        detail: `${percent} % of the checkpoints were requested before checkpoint_timeout. The counter includes those that somebody asked for (CHECKPOINT, backups).`,
        evidence: [
          measured('requested', requested),
          measured('timed', timed),
          measured('counted since', resetAt?.toISOString() ?? null),
          measured('max_wal_size', size ? bytesOf(size) : null, 'bytes'),
        ],
        remedy: runbook(
          'Let more WAL pass between checkpoints',
          `ALTER SYSTEM SET max_wal_size = '${gibibytes}GB'; SELECT pg_reload_conf(); -- the disk needs that much; recovery after a crash takes longer`,
          'On a managed platform set it there. Look again after a day.',
        ),
      },
    ]
  },
}

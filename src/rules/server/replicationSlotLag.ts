import { displayIdentifier } from '../../postgres/identifiers.ts'
import { listReplicationSlots } from '../../catalog/replicationSlots.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { isTheCause, readHolder } from './horizonFindings.ts'

const mebibyte = 1024 * 1024
/** How much WAL may be kept for a slot that nobody reads from, and for one in use. */
const tolerable = { unused: 64 * mebibyte, used: 1024 * mebibyte }

/**
 * Replication slots whose reader is gone or far behind. The server keeps all WAL since then until the disk is full,
 * and a logical slot keeps VACUUM from cleaning the catalog.
 *
 * ```sql
 * SELECT slot_name, active FROM pg_replication_slots;  -- before: old_etl | f, and 200 GB of WAL kept for it
 * SELECT pg_drop_replication_slot('old_etl');          -- after: the WAL goes at the next checkpoint
 * ```
 */
export const replicationSlotLag: Rule = {
  name: 'replication_slot_lag',
  finds: 'replication slots that nobody reads from, or that are far behind',
  cure: 'bringing the reader back, or dropping the slot',
  async find(context) {
    const slots = await context.read(listReplicationSlots)
    const holder = await readHolder(context)
    return slots
      .filter(
        ({ isActive, keptBytes, walStatus }) =>
          (keptBytes ?? 0) >= (isActive ? tolerable.used : tolerable.unused) ||
          walStatus === 'unreserved' ||
          walStatus === 'lost',
      )
      .map((slot): Violation => {
        const kept = slot.keptBytes === null ? 'no WAL' : `${Math.round(slot.keptBytes / mebibyte)} MB of WAL`
        const state = slot.isActive
          ? `The reader of replication slot ${displayIdentifier(slot.name)} is behind: the server keeps ${kept} for it.`
          : `Nobody reads from replication slot ${displayIdentifier(slot.name)}; the server keeps ${kept} for it.`
        const holds = holder?.kind === 'slot' && holder.name === slot.name
        return {
          level: slot.walStatus === 'lost' || (slot.keptBytes ?? 0) >= 10 * tolerable.used ? 'error' : 'warn',
          subject: [slot.name],
          detail: holds ? `${state} ${isTheCause}` : state,
          evidence: [
            measured('type', slot.type),
            measured('read from now', slot.isActive),
            measured('WAL kept', slot.keptBytes, 'bytes'),
            measured('WAL status', slot.walStatus),
            measured('transactions since the oldest that it keeps', slot.snapshotAge),
          ],
          remedy: runbook(
            slot.isActive ? 'See why the reader is slow' : 'Bring the reader back, or drop the slot',
            'SELECT * FROM pg_stat_replication; -- how far each reader is',
            `If nobody needs it any more: SELECT pg_drop_replication_slot('${slot.name}'); after that the reader must be set up again.`,
            'max_slot_wal_keep_size limits what a slot may keep; beyond it the disk stays free and the slot is lost.',
          ),
        }
      })
  },
}

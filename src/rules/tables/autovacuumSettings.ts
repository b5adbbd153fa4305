import { setStorageParameters } from '../../operations/setStorageParameters.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Setting } from '../../catalog/settings.ts'
import { listSettings } from '../../catalog/settings.ts'
import type { Table } from '../../catalog/tables.ts'
import { knownRows, listTables } from '../../catalog/tables.ts'
import { parseOptions } from '../../catalog/relations.ts'
import { estimated, measured, migration } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { autovacuumIsOff } from '../../metrics/vacuumThreshold.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/** How many rows may change between two vacuums, whatever the size of the table. */
const changesPerVacuum = 100_000
/** A setting within this factor of ours is left alone. */
const closeEnough = 1.5
/** Share of the rows that must have changed since the statistics were reset. */
const busyShare = 0.01

/**
 * Large tables that autovacuum visits too late, and tables where it is switched off. By default it waits until a fifth
 * of the rows is dead: two million of ten million, which every scan reads past.
 *
 * ```sql
 * -- before: autovacuum_vacuum_scale_factor = 0.2 on 10,000,000 rows: vacuumed after 2,000,000 changes
 * ALTER TABLE bookings SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.005);
 * -- after: vacuumed after 100,000 changes; down restores what was set before
 * ```
 */
export const autovacuumSettings: Rule = {
  name: 'autovacuum_settings',
  finds: 'large busy tables that autovacuum visits too late, and tables where it is off',
  cure: 'storage parameters for 100,000 changed rows per vacuum',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const settings = await context.read(listSettings)
    const findings: Violation[] = []
    for (const table of await context.read(listTables)) {
      if (!wanted(table.schema) || table.kind !== 'r' || table.isExtensionOwned) continue
      const current = parseOptions(table.options)
      const isOff = autovacuumIsOff(table)
      const changes = {
        ...(isOff ? { autovacuum_enabled: null } : {}),
        ...betterFactors(table, current, settings),
      }
      if (Object.keys(changes).length === 0) continue
      const list = Object.entries(changes)
        .map(([name, value]) => (value === null ? `${name} as the server has it` : `${name} = ${value}`))
        .join(', ')
      const problem = isOff
        ? `Autovacuum is switched off for ${display(table)}: its dead rows stay, and its statistics age.`
        : `Autovacuum visits ${display(table)} only after ${share(table, current, settings)} changed rows.`
      findings.push({
        level: isOff ? 'warn' : 'info',
        subject: [table.schema, table.name],
        detail: problem,
        evidence: [
          estimated('rows', knownRows(table)),
          measured('inserts', table.inserts),
          measured('updates', table.updates),
          measured('deletes', table.deletes),
          measured('dead rows', table.deadRows),
          measured('set now', table.options.join(', ') || 'nothing'),
        ],
        remedy: migration(
          setStorageParameters({
            table: { schema: table.schema, name: table.name },
            current,
            wanted: changes,
            rule: 'autovacuum_settings',
            why: `${problem} With ${list} it comes after about ${changesPerVacuum.toLocaleString('en')} changes, so fewer dead rows accumulate.`,
          }),
        ),
      })
    }
    return findings
  },
}

/** Factors for the kinds of changes that the table gets, where they differ enough from the current ones. */
function betterFactors(
  table: Table,
  current: Record<string, string>,
  settings: Map<string, Setting>,
): Record<string, string> {
  const rows = knownRows(table)
  const factor = Math.min(0.2, Math.max(0.005, changesPerVacuum / Math.max(rows, 1)))
  const rewritten = table.updates + table.deletes
  const growing = table.inserts >= 10 * rewritten && table.inserts <= rows * 0.9
  const wanted = {
    ...(rewritten >= rows * busyShare ? { autovacuum_vacuum_scale_factor: factor } : {}),
    ...(growing && table.inserts >= rows * busyShare
      ? { autovacuum_vacuum_insert_scale_factor: factor }
      : {}),
  }
  if (Object.keys(wanted).length === 0) return {}
  return Object.fromEntries(
    Object.entries({ ...wanted, autovacuum_analyze_scale_factor: factor / 2 })
      .filter(([name, value]) => Number(current[name] ?? settings.get(name)?.value) > value * closeEnough)
      .map(([name, value]) => [name, `${Number(value.toPrecision(2))}`]),
  )
}

/** How many rows change before a vacuum, with the current settings. */
function share(table: Table, current: Record<string, string>, settings: Map<string, Setting>): string {
  const factor = Number(
    current['autovacuum_vacuum_scale_factor'] ?? settings.get('autovacuum_vacuum_scale_factor')?.value,
  )
  return Math.round(factor * knownRows(table)).toLocaleString('en')
}

import { parseOptions } from '../catalog/relations.ts'
import type { Setting } from '../catalog/settings.ts'
import type { Table } from '../catalog/tables.ts'
import { knownRows } from '../catalog/tables.ts'

/**
 * How many dead rows bring autovacuum to a table, by its storage parameters and the settings of the server:
 * `autovacuum_vacuum_threshold + autovacuum_vacuum_scale_factor * rows`, from PostgreSQL 18 on at most
 * `autovacuum_vacuum_max_threshold`.
 */
export function vacuumThreshold(
  table: Pick<Table, 'options' | 'estimatedRows' | 'liveRows'>,
  settings: Map<string, Setting>,
): number {
  const own = parseOptions(table.options)
  const valueOf = (name: string): number | undefined => {
    const value = own[name] ?? settings.get(name)?.value
    return value === undefined ? undefined : Number(value)
  }
  const threshold =
    (valueOf('autovacuum_vacuum_threshold') ?? 50) +
    (valueOf('autovacuum_vacuum_scale_factor') ?? 0.2) * knownRows(table)
  const most = valueOf('autovacuum_vacuum_max_threshold')
  return most === undefined || most < 0 ? threshold : Math.min(threshold, most)
}

/** Whether the table's own parameters keep autovacuum away: the rule autovacuum_settings has that. */
export function autovacuumIsOff({ options }: Pick<Table, 'options'>): boolean {
  return ['false', 'off', '0', 'no'].includes(parseOptions(options)['autovacuum_enabled'] ?? '')
}

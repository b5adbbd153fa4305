import type { MigrationBuilder } from 'node-pg-migrate'
import { columnsExist, statisticsAreAbsent, statisticsExist, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'bookings' }
const statistics = { schema: 'public', name: 'bookings_city_id_currency_stat' }

export const optimization: Optimization = {
  why:
    'A city has one currency, and PostgreSQL thinks that the two have nothing to do with each other: ' +
    'for a city and its currency it expects the fewer bookings the rarer the currency, down to a ' +
    'tenth of what there are.',
  rule: 'missing_extended_statistics',
  before: [columnsExist(table, ['city_id', 'currency']), statisticsAreAbsent(statistics)],
  after: [statisticsExist(statistics)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE STATISTICS public.bookings_city_id_currency_stat (dependencies, mcv)
    ON city_id, currency FROM public.bookings`)
  pgm.sql('ANALYZE public.bookings')
}

export function down(pgm: MigrationBuilder): void {
  pgm.sql('DROP STATISTICS public.bookings_city_id_currency_stat')
}

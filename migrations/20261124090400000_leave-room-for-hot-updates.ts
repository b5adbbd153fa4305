import type { MigrationBuilder } from 'node-pg-migrate'
import { storageParametersAre, storageParametersAreUnset, type Optimization } from 'hundredfold'

/** Only pages written from now on follow the setting. */
const parameters = {
  bookings: { fillfactor: '90' },
  payment_intents: { fillfactor: '90' },
}
const tables = Object.entries(parameters).map(([name, wanted]) => ({
  table: { schema: 'public', name },
  wanted,
}))

export const optimization: Optimization = {
  why:
    'A booking and a payment change their status two or three times. Now that no index covers a ' +
    'column that changes, the new version of a row can stay on its page without touching any index, ' +
    'if there is room: one tenth of each page that is written from now on.',
  rule: 'low_hot_ratio',
  before: tables.map(({ table, wanted }) => storageParametersAreUnset(table, Object.keys(wanted))),
  after: tables.map(({ table, wanted }) => storageParametersAre(table, wanted)),
}

export function up(pgm: MigrationBuilder): void {
  for (const { table, wanted } of tables) {
    const list = Object.entries(wanted).map(([parameter, value]) => `${parameter} = ${value}`)
    pgm.sql(`ALTER TABLE ${table.schema}.${table.name} SET (${list.join(', ')})`)
  }
}

export function down(pgm: MigrationBuilder): void {
  for (const { table, wanted } of tables) {
    pgm.sql(`ALTER TABLE ${table.schema}.${table.name} RESET (${Object.keys(wanted).join(', ')})`)
  }
}

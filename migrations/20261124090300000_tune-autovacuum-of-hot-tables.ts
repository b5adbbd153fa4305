import type { MigrationBuilder } from 'node-pg-migrate'
import { storageParametersAre, storageParametersAreUnset, type Optimization } from 'hundredfold'

/** 100,000 rows as a share of what each table grows to; the insert factor where rows are mostly added. */
const parameters = {
  bookings: { autovacuum_vacuum_scale_factor: '0.01', autovacuum_analyze_scale_factor: '0.005' },
  payment_intents: { autovacuum_vacuum_scale_factor: '0.01', autovacuum_analyze_scale_factor: '0.005' },
  conversations: { autovacuum_vacuum_scale_factor: '0.02', autovacuum_analyze_scale_factor: '0.01' },
  conversation_members: { autovacuum_vacuum_scale_factor: '0.01', autovacuum_analyze_scale_factor: '0.005' },
  messages: {
    autovacuum_vacuum_scale_factor: '0.005',
    autovacuum_vacuum_insert_scale_factor: '0.005',
    autovacuum_analyze_scale_factor: '0.0025',
  },
  notifications: {
    autovacuum_vacuum_scale_factor: '0.01',
    autovacuum_vacuum_insert_scale_factor: '0.01',
    autovacuum_analyze_scale_factor: '0.005',
  },
  audit_events: {
    autovacuum_vacuum_scale_factor: '0.01',
    autovacuum_vacuum_insert_scale_factor: '0.01',
    autovacuum_analyze_scale_factor: '0.005',
  },
}
const tables = Object.entries(parameters).map(([name, wanted]) => ({
  table: { schema: 'public', name },
  wanted,
}))

export const optimization: Optimization = {
  why:
    'By default autovacuum waits until a fifth of a table is dead: two million of ten million ' +
    'bookings. These tables are updated or filled all day; they are vacuumed after some 100,000 ' +
    'changes and analyzed after half as many, whatever their size will be.',
  rule: 'autovacuum_settings',
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

import type { MetricReader } from '../reader.ts'
import { seldom } from '../seldom.ts'
import { databaseReaders, sizeReader } from './database.ts'
import { ownReaders } from './own.ts'
import { replicationReaders } from './replication.ts'
import { serverReaders } from './server.ts'
import { sessionReaders } from './sessions.ts'
import { statementReaders } from './statements.ts'
import { deadTuplesReader, sequencesReader, tableReaders } from './tables.ts'

/**
 * What reads the metrics of one database. Some remember the round before, so each monitor makes its own.
 *
 * @param from `url` of the database; `reports` is the folder with the reports of `diagnose`
 */
export function makeReaders(from: { url: string; reports: string }): MetricReader[] {
  return [
    ...serverReaders(from.url),
    ...sessionReaders,
    ...tableReaders(),
    ...databaseReaders,
    ...statementReaders(),
    ...replicationReaders,
    ...ownReaders(from.reports),
    ...seldom([deadTuplesReader, sizeReader, sequencesReader]),
  ]
}

import type { KeyEquality } from '../catalog/keyEquality.ts'
import type { Split } from '../catalog/partitions.ts'
import type { WholeTable } from '../catalog/wholeTable.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { isKeyType } from './intervals.ts'
import type { Obstacle } from './obstacles.ts'

/** What keeps a column from being the key of such partitions. */
export function keyObstaclesOf(
  table: WholeTable,
  key: string,
  split: Split,
  equality: KeyEquality | undefined,
): Obstacle[] {
  const name = `${display(table)}.${displayIdentifier(key)}`
  const stop = (reason: string): Obstacle => ({ name, reason, acceptable: false })
  const column = table.columns.find((each) => each.name === key)
  if (!column || !equality) return [stop('there is no such column')]
  const { type, generated } = column
  if ('every' in split) {
    if (!isKeyType(type)) {
      return [
        stop(
          `its type is ${type}; a range needs a date, a timestamp or a timestamptz; --by list or hash takes other types`,
        ),
      ]
    }
  } else {
    const reason = reasonOf(type, split.by, equality)
    if (reason !== undefined) return [stop(reason)]
  }
  return generated === '' ? [] : [stop('a generated column cannot be the key of partitions')]
}

/**
 * Triggers that see it where an UPDATE moves a row to another partition, which PostgreSQL does by a DELETE and an INSERT.
 * Moments change seldom; a value such as a state changes all the time.
 */
export function triggersOfMoves(table: WholeTable, key: string): Obstacle[] {
  return table.triggers.flatMap(({ name, events, forEachRow, isBefore, enabled }) => {
    if (!forEachRow || enabled === 'D') return []
    const isMissed = events.includes('UPDATE') && !isBefore
    const isAdded = events.includes('DELETE') || events.includes('INSERT')
    if (!isMissed && !isAdded) return []
    const fires = [isMissed ? 'not as for an UPDATE' : '', isAdded ? 'as for a DELETE and an INSERT' : '']
    const how = fires.filter((each) => each !== '').join(' but ')
    const reason = `an UPDATE that changes ${displayIdentifier(key)} may move the row to another partition, and then fires this trigger ${how}`
    return [{ name, reason, acceptable: true }]
  })
}

function reasonOf(type: string, by: 'list' | 'hash', equality: KeyEquality): string | undefined {
  const { hasOrder, hasHash, isOfSystem, isDeterministic } = equality
  if (by === 'list' && !hasOrder) return `its type is ${type}, whose values PostgreSQL cannot put into lists`
  if (by === 'hash' && !hasHash) return `its type is ${type}, whose values have no hash`
  if (!isOfSystem) return `its type is ${type}, by whose operators the mirror cannot look rows up`
  if (!isDeterministic)
    return 'its collation takes different texts for equal, so that they have no one partition'
  return undefined
}

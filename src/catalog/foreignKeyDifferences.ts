import type { ForeignKeyDetails } from './foreignKeyDetails.ts'

/** Whether both tie the same columns of one table to the same columns of another one, in whatever order. */
export function tieTheSameColumns(one: ForeignKeyDetails, other: ForeignKeyDetails): boolean {
  return tieOf(one) === tieOf(other)
}

/** A key for what it ties: the two tables, and the set of pairs of columns. */
export function tieOf({ tableOid, referencesOid, columns }: ForeignKeyDetails): string {
  const pairs = columns.map(({ number, referencesNumber }) => `${number}=${referencesNumber}`).sort()
  return JSON.stringify([tableOid, referencesOid, pairs])
}

/** In what two foreign keys of the same columns differ: `['ON DELETE', 'DEFERRABLE']`; empty where each does what the other does. */
export function differencesOf(one: ForeignKeyDetails, other: ForeignKeyDetails): string[] {
  const compared: [string, (key: ForeignKeyDetails) => unknown][] = [
    ['ON DELETE', ({ onDelete, setColumns }) => JSON.stringify([onDelete, [...setColumns].sort()])],
    ['ON UPDATE', ({ onUpdate }) => onUpdate],
    ['MATCH', ({ match }) => match],
    ['DEFERRABLE', ({ isDeferrable, isDeferred }) => `${isDeferrable} ${isDeferred}`],
    ['VALID', ({ isValidated }) => isValidated],
    ['ENFORCED', ({ isEnforced }) => isEnforced],
    ['PERIOD', ({ hasPeriod }) => hasPeriod],
    ['disabled triggers', ({ isSilenced }) => isSilenced],
  ]
  return compared.filter(([, part]) => part(one) !== part(other)).map(([name]) => name)
}

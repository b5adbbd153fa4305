import type { ForeignKey } from '../catalog/foreignKeys.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { servesForeignKey } from '../rules/indexes/foreignKeyIndexes.ts'
import type { Option } from './whatIf.ts'

/**
 * For each foreign key that only existing options lead on today: the options of which one has to be there, so that a
 * deleted parent never reads the whole table. A candidate that leads on it may take over.
 */
export function neededForForeignKeys(
  keys: readonly ForeignKey[],
  options: readonly Option[],
  fixed: readonly TableIndex[],
): number[][] {
  return keys.flatMap((key) => {
    const serves = (index: TableIndex): boolean =>
      index.tableOid === key.tableOid && servesForeignKey(index, key)
    const serving = options.filter(({ index }) => serves(index))
    if (fixed.some(serves) || serving.every(({ candidate }) => candidate)) return []
    return [serving.map(({ index }) => index.oid)]
  })
}

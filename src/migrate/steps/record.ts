import * as z from 'zod'

const index = z.object({ schema: z.string(), name: z.string() })
const definedIndex = index.extend({ definition: z.string() })

const record = z.discriminatedUnion('kind', [
  // It was absent before, so an index of this name is ours to drop.
  index.extend({ kind: z.literal('indexBuild') }),
  // It existed before, and the statements drop it; its definition builds it again.
  definedIndex.extend({ kind: z.literal('indexDrop') }),
  // `up` made it with this definition; if it has changed since, it is not ours to drop.
  definedIndex.extend({ kind: z.literal('made') }),
])

/** What the ledger remembers of a step, so that it can be taken back. */
export type StepRecord = z.infer<typeof record>
export type DefinedIndex = z.infer<typeof definedIndex>

/** The format of rows from before there were kinds: three lists of indexes. */
const formerRecords = z
  .object({ created: z.array(index), dropped: z.array(definedIndex), made: z.array(definedIndex) })
  .transform(({ created, dropped, made }): StepRecord[] => [
    ...created.map((absent) => ({ kind: 'indexBuild' as const, ...absent })),
    ...dropped.map((present) => ({ kind: 'indexDrop' as const, ...present })),
    ...made.map((present) => ({ kind: 'made' as const, ...present })),
  ])

/** The ledger's records of one migration. */
export const stepRecords = z.array(record).or(formerRecords)

/** What the migration makes is ours; what it drops is not. */
export function isOurs({ kind }: StepRecord): boolean {
  return kind !== 'indexDrop'
}

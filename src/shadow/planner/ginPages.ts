import { open } from 'node:fs/promises'

/** What a GIN index tells the planner of itself. */
export interface GinPages {
  entryPages: number
  /** Of lists that are too long for their entry. */
  dataPages: number
  entries: number
}

/** `ginblock.h`: where the page after the header of block 0 counts pages and entries. */
const [totalPages, entries] = [24 + 24, 24 + 40]

/**
 * Writes into an empty GIN index what a full one counts: planning asks for it.
 *
 * Written while nobody has the index's pages in memory: after a checkpoint, and before a restart.
 */
export async function countGinPages(file: string, blocks: number, pages: GinPages): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    const counts = Buffer.alloc(12)
    for (const [at, count] of [blocks, pages.entryPages, pages.dataPages].entries()) {
      counts.writeUInt32LE(count, at * 4)
    }
    await handle.write(counts, 0, counts.length, totalPages)
    const different = Buffer.alloc(8)
    different.writeBigInt64LE(BigInt(Math.round(pages.entries)))
    await handle.write(different, 0, different.length, entries)
  } finally {
    await handle.close()
  }
}

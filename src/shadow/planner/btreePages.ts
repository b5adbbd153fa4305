import { open } from 'node:fs/promises'

const pageSize = 8192
const header = 24
const special = 16

/** `nbtree.h`: where the page after the header of block 0 names the root and the levels above the leaves. */
const metaRoot = header + 8

/**
 * Makes an empty B-tree as high as a full one: planning asks for the number of levels above the leaves, and a scan
 * must find its way down to a leaf, which is empty. The file must have more blocks than levels.
 *
 * Written while nobody has the index's pages in memory: after a checkpoint, and before a restart.
 *
 * @param levels above the leaves: 0 where the root is the only leaf
 */
export async function raiseBtree(file: string, levels: number): Promise<void> {
  if (levels === 0) return
  const handle = await open(file, 'r+')
  try {
    const root = Buffer.alloc(16)
    for (const at of [0, 8]) {
      root.writeUInt32LE(1, at)
      root.writeUInt32LE(levels, at + 4)
    }
    await handle.write(root, 0, root.length, metaRoot)
    for (let level = levels; level >= 0; level -= 1) {
      const block = 1 + levels - level
      await handle.write(
        pageOf(level, { isRoot: level === levels, below: block + 1 }),
        0,
        pageSize,
        block * pageSize,
      )
    }
  } finally {
    await handle.close()
  }
}

/** A page without a right neighbour: a leaf without entries, or one entry that leads to the block below. */
function pageOf(level: number, { isRoot, below }: { isRoot: boolean; below: number }): Buffer {
  const page = Buffer.alloc(pageSize)
  const entry = level === 0 ? 0 : 8
  const end = pageSize - special
  page.writeUInt16LE(header + (entry === 0 ? 0 : 4), 12) // pd_lower
  page.writeUInt16LE(end - entry, 14) // pd_upper
  page.writeUInt16LE(end, 16) // pd_special
  page.writeUInt16LE(pageSize | 4, 18) // pd_pagesize_version
  if (entry > 0) {
    // A line pointer: offset, LP_NORMAL, length.
    page.writeUInt32LE(((end - entry) | (1 << 15) | (entry << 17)) >>> 0, header)
    // "Minus infinity": the block below, no keys, and INDEX_ALT_TID_MASK with the length of the entry.
    page.writeUInt16LE(below >>> 16, end - entry)
    page.writeUInt16LE(below & 0xffff, end - entry + 2)
    page.writeUInt16LE(0x2000 | entry, end - entry + 6)
  }
  page.writeUInt32LE(level, end + 8)
  page.writeUInt16LE((level === 0 ? 1 : 0) | (isRoot ? 2 : 0), end + 12)
  return page
}

/**
 * Levels above the leaves of a B-tree of so many blocks: pages above the leaves are filled to 70 %, and an entry is a
 * header of 8 bytes, the key, aligned to 8, and a line pointer of 4.
 */
export function btreeLevels(blocks: number, keyBytes: number): number {
  const entry = 8 + 4 + Math.ceil(Math.max(keyBytes, 1) / 8) * 8
  const fanout = Math.max(2, Math.floor(((pageSize - header - special) * 0.7) / entry))
  let levels = 0
  for (let pages = blocks - 1; pages > 1; pages = Math.ceil(pages / fanout)) levels += 1
  return levels
}

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small file system, of 64 kB by default, where this user may make one; `unmount` removes it. */
export function mountSmallDisk(size = '64k'): { directory: string; unmount(): void } | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', directory], {
      stdio: 'ignore',
    })
  } catch {
    rmSync(directory, { recursive: true })
    return undefined
  }
  return {
    directory,
    unmount: () => {
      execFileSync('umount', [directory])
      rmSync(directory, { recursive: true })
    },
  }
}

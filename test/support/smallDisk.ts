import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of 64 kB, where this user may make one; `unmount` removes it. */
export function mountSmallDisk(): { directory: string; unmount(): void } | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory], { stdio: 'ignore' })
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

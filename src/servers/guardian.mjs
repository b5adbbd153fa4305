// Ends a server and removes its directory as soon as the process that started it is gone, even if it was killed.
// It waits for the end of its standard input, which only that process holds open.
// Arguments: the directory; uid and gid to end the server as, or two empty words; the command that ends it, if there is one.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

const [directory, uid, gid, program, ...args] = process.argv.slice(2)

process.stdin.resume().on('close', () => {
  if (program)
    spawnSync(program, args, {
      ...(uid && { uid: Number(uid), gid: Number(gid) }),
      cwd: '/',
      stdio: 'ignore',
    })
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
})

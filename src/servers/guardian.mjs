// Ends an embedded server and removes its directory as soon as the process that started it is gone, however it
// went: ended, Ctrl-C, killed. It waits for the end of its standard input, which only that process holds open.
// Arguments: the server's directory, pg_ctl, and the uid and gid that PostgreSQL runs as (or nothing).
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

const [directory, pgCtl, uid, gid] = process.argv.slice(2)

process.stdin.resume().on('close', () => {
  spawnSync(pgCtl, ['stop', '--silent', '--mode=immediate', '--pgdata', join(directory, 'data')], {
    ...(uid && gid ? { uid: Number(uid), gid: Number(gid) } : {}),
    cwd: '/',
    stdio: 'ignore',
  })
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
})

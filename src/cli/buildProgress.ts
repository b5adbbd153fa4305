import type { Client } from 'pg'
import { connect } from '../postgres/connect.ts'
import { listIndexBuilds } from '../catalog/indexBuilds.ts'
import { borrow } from '../postgres/database.ts'
import type { Terminal } from './terminal.ts'

const lookEveryMs = 1_000

/** Shows how far concurrent builds are while `work` runs, from an observer session. */
export async function watchBuilds<T>(url: string, terminal: Terminal, work: () => Promise<T>): Promise<T> {
  let watcher: Client | undefined
  let looking = false
  const look = async () => {
    if (looking) return
    looking = true
    try {
      watcher ??= await connect(url, { applicationName: 'hundredfold progress' })
      for (const build of await listIndexBuilds(borrow(watcher))) {
        terminal.progress(`building ${build.index}: ${build.phase}, ${Math.floor(build.done * 100)} %`)
      }
    } catch {
      // Progress is a courtesy: where a second session is not to be had, the work goes on without it.
    } finally {
      looking = false
    }
  }
  const timer = setInterval(() => void look(), lookEveryMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    terminal.progress('')
    await watcher?.end().catch(() => undefined)
  }
}

import { debianLibraries, installDebianExtension } from '../../src/bench/partition/debianExtension.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'

/** A PostgreSQL 15 with pg_cron in the database `postgres`. Needs the engine `pg_cron`. */
export async function startCronServer(): Promise<Server> {
  const server = await startEmbedded({
    version: 15,
    settings: {
      // Its workers look for it by its bare name.
      dynamic_library_path: `$libdir:${debianLibraries}`,
      shared_preload_libraries: 'pg_cron',
      'cron.database_name': 'postgres',
      'cron.use_background_workers': 'on',
      max_worker_processes: '20',
    },
  })
  const superuser = await connect(server.url())
  await installDebianExtension(superuser, 'pg_cron', 'cron').catch(async () => {
    await superuser.query('DROP SCHEMA IF EXISTS cron CASCADE')
    await installDebianExtension(superuser, 'pg_cron', 'pg_catalog')
  })
  await superuser.end()
  return server
}

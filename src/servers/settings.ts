/**
 * Settings of a throw-away server. It need not survive a power cut, so nothing waits for the disk; that removes noise
 * from measurements and changes no plan. A crash of PostgreSQL itself loses nothing that was committed
 * (`synchronous_commit` stays on), as tests that kill the server require. Everything else is PostgreSQL's default,
 * including autovacuum, so that we measure what a real server does.
 */
export const throwAwaySettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '100',
  shared_buffers: '256MB',
  shared_preload_libraries: 'pg_stat_statements',
  timezone: 'UTC',
}

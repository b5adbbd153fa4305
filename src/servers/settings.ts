/**
 * Settings of a throw-away server. It need not survive a power cut, so nothing waits for the disk; that
 * takes noise out of measurements and changes no plan. A crash of PostgreSQL itself loses nothing that was
 * committed (`synchronous_commit` stays on): tests that kill the server rely on it. Everything else is
 * PostgreSQL's default, autovacuum too, so that what we measure is what a server does.
 */
export const throwAwaySettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '100',
  shared_buffers: '256MB',
  shared_preload_libraries: 'pg_stat_statements',
  timezone: 'UTC',
}

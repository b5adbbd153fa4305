/**
 * Settings with which autovacuum is on, as programs under test may ask, and does not come while tests run: when it
 * comes, counters and statistics change that a test reads twice.
 */
export const seldomAutovacuum = { autovacuum_naptime: '2000000' } as const

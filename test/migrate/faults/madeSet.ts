import { batchedMigration, sqlMigration } from '../../support/migrationFiles.ts'

const jobs = { table: { schema: 'public', name: 'jobs' }, key: ['id'] }

/**
 * One migration for each way to run: in a transaction, built and dropped concurrently, VACUUM, steps of both kinds
 * mixed, with a statement that must take effect exactly once, a partition detached concurrently, and rows that must each
 * be counted exactly once in batches.
 */
export const madeSet: Record<string, string> = {
  '20260101000000000_create-tables.ts': sqlMigration({
    up: [
      'CREATE TABLE public.jobs (id int PRIMARY KEY, status text, note text)',
      `INSERT INTO public.jobs SELECT id, 'open' FROM generate_series(1, 250) id`,
      'CREATE INDEX jobs_note_idx ON public.jobs (note)',
      'CREATE TABLE public.runs (at timestamptz DEFAULT now())',
      'CREATE TABLE public.months (month int) PARTITION BY LIST (month)',
      'CREATE TABLE public.january PARTITION OF public.months FOR VALUES IN (1)',
    ],
    down: [
      'DROP TABLE public.january',
      'DROP TABLE public.months',
      'DROP TABLE public.runs',
      'DROP TABLE public.jobs',
    ],
    imports: `import { tableExists } from 'hundredfold'
const jobs = { schema: 'public', name: 'jobs' }`,
    optimization: `{ why: 'A table to work on.', rule: 'test', before: [], after: [tableExists(jobs)] }`,
  }),
  '20260102000000000_create-jobs-status-idx.ts': sqlMigration({
    up: ['CREATE INDEX CONCURRENTLY jobs_status_idx ON public.jobs (status)'],
    down: ['DROP INDEX CONCURRENTLY public.jobs_status_idx'],
    noTransaction: true,
    imports: `import { indexIsAbsent, indexIsValid } from 'hundredfold'
const index = { schema: 'public', name: 'jobs_status_idx' }`,
    optimization: `{ why: 'Built concurrently.', rule: 'test', before: [indexIsAbsent(index)], after: [indexIsValid(index)] }`,
  }),
  '20260103000000000_drop-jobs-note-idx.ts': sqlMigration({
    up: ['DROP INDEX CONCURRENTLY public.jobs_note_idx'],
    down: ['CREATE INDEX CONCURRENTLY jobs_note_idx ON public.jobs USING btree (note)'],
    noTransaction: true,
    imports: `import { indexIsAbsent, indexIsValid } from 'hundredfold'
const index = { schema: 'public', name: 'jobs_note_idx' }`,
    optimization: `{ why: 'Dropped concurrently.', rule: 'test', before: [indexIsValid(index)], after: [indexIsAbsent(index)] }`,
  }),
  '20260104000000000_vacuum-jobs.ts': sqlMigration({
    up: ['VACUUM (ANALYZE) public.jobs'],
    down: ['SELECT 1'],
    noTransaction: true,
  }),
  '20260105000000000_mix-steps.ts': sqlMigration({
    up: [
      'ALTER TABLE public.jobs ADD owner int',
      'CREATE INDEX CONCURRENTLY jobs_owner_idx ON public.jobs (owner)',
      'INSERT INTO public.runs DEFAULT VALUES',
      'CREATE UNIQUE INDEX CONCURRENTLY jobs_id_owner_idx ON public.jobs (id, owner)',
      'VACUUM public.jobs',
      `COMMENT ON COLUMN public.jobs.owner IS 'who'`,
    ],
    down: [
      'DROP INDEX CONCURRENTLY public.jobs_id_owner_idx',
      'DELETE FROM public.runs',
      'DROP INDEX CONCURRENTLY public.jobs_owner_idx',
      'ALTER TABLE public.jobs DROP owner',
    ],
    noTransaction: true,
    imports: `import { indexIsAbsent, indexIsValid } from 'hundredfold'
import { sql } from 'hundredfold'
const indexes = ['jobs_owner_idx', 'jobs_id_owner_idx'].map((name) => ({ schema: 'public', name }))
const runsAre = (wanted: number) => ({
  description: \`the table of runs has \${wanted} rows\`,
  async check(db: any) {
    const { rows } = await sql<any>\`SELECT count(*)::int AS count FROM public.runs\`.execute(db)
    return rows[0].count === wanted ? { holds: true } : { holds: false, expected: String(wanted), actual: String(rows[0].count) }
  },
})`,
    optimization: `{ why: 'Steps of both kinds.', rule: 'test',
      before: [...indexes.map(indexIsAbsent), runsAre(0)], after: [...indexes.map(indexIsValid), runsAre(1)] }`,
  }),
  '20260106000000000_detach-january.ts': sqlMigration({
    up: ['ALTER TABLE public.months DETACH PARTITION public.january CONCURRENTLY'],
    down: [
      'ALTER TABLE public.months ATTACH PARTITION public.january FOR VALUES IN (1)',
      // A concurrent detach leaves the bound as a constraint.
      'ALTER TABLE public.january DROP CONSTRAINT january_month_check',
    ],
    noTransaction: true,
    imports: `import { sql } from 'hundredfold'
const partitionsAre = (wanted: string) => ({
  description: \`the partitions are \${wanted}\`,
  async check(db: any) {
    const { rows } = await sql<any>\`SELECT coalesce(string_agg(inhrelid::regclass::text, ' '), 'none') AS found
      FROM pg_inherits WHERE inhparent = 'public.months'::regclass\`.execute(db)
    return rows[0].found.replace('public.', '') === wanted ? { holds: true } : { holds: false, expected: wanted, actual: rows[0].found }
  },
})`,
    optimization: `{ why: 'Detached concurrently.', rule: 'test',
      before: [partitionsAre('january')], after: [partitionsAre('none')] }`,
  }),
  '20260107000000000_count-jobs.ts': batchedMigration({
    up: [
      'ALTER TABLE public.jobs ADD times int NOT NULL DEFAULT 0',
      { ...jobs, sql: 'UPDATE public.jobs SET times = times + 1 WHERE {batch}' },
    ],
    down: [
      { ...jobs, sql: 'UPDATE public.jobs SET times = times - 1 WHERE {batch}' },
      // Refused unless each row was counted down once.
      'ALTER TABLE public.jobs ADD CONSTRAINT counted_down CHECK (times = 0)',
      'ALTER TABLE public.jobs DROP times',
    ],
    imports: `import { sql } from 'hundredfold'
const countedOnce = {
  description: 'each row is counted once',
  async check(db: any) {
    const { rows } = await sql<any>\`SELECT count(*)::int AS wrong FROM public.jobs WHERE times <> 1\`.execute(db)
    return rows[0].wrong === 0 ? { holds: true } : { holds: false, expected: 'none else', actual: String(rows[0].wrong) }
  },
}`,
    optimization: `{ why: 'Counted in batches.', rule: 'test', before: [], after: [countedOnce] }`,
  }),
}

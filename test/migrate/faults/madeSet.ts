import { sqlMigration } from '../../support/migrationFiles.ts'

/**
 * One migration for each way to run: in a transaction, built and dropped concurrently, VACUUM, and steps of
 * both kinds mixed, with a statement that must take effect exactly once.
 */
export const madeSet: Record<string, string> = {
  '20260101000000000_create-tables.ts': sqlMigration({
    up: [
      'CREATE TABLE public.jobs (id int PRIMARY KEY, status text, note text)',
      `INSERT INTO public.jobs SELECT id, 'open' FROM generate_series(1, 100) id`,
      'CREATE INDEX jobs_note_idx ON public.jobs (note)',
      'CREATE TABLE public.runs (at timestamptz DEFAULT now())',
    ],
    down: ['DROP TABLE public.runs', 'DROP TABLE public.jobs'],
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
import { sql } from '${import.meta.resolve('kysely')}'
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
}

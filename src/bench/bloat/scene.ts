import type { Client } from 'pg'
import { chooseActions } from '../../operate/bloat/chooseActions.ts'
import type { BloatedTable } from '../../operate/bloat/findBloat.ts'
import { findBloat } from '../../operate/bloat/findBloat.ts'
import type { RemedyKind } from '../../operate/bloat/remedy.ts'
import { remedyOf } from '../../operate/bloat/remedy.ts'
import type { RewriteAction } from '../../operate/bloat/rewriteAction.ts'
import { connect } from '../../postgres/connect.ts'
import type { Server } from '../../servers/server.ts'
import { installDebianExtension } from '../partition/debianExtension.ts'

export const rowCount = 1_000_000

/** Two in five rows were deleted, and two in five of the rest updated, both at random; then it was vacuumed once. */
const scene = `
  CREATE TABLE public.bookings (
    id int PRIMARY KEY, customer int NOT NULL, day date NOT NULL, status text NOT NULL, note text NOT NULL, essay text);
  ALTER TABLE public.bookings ALTER COLUMN essay SET STORAGE EXTERNAL;
  SELECT setseed(0.5);
  INSERT INTO public.bookings
    SELECT id, (id::bigint * 7919 % 50000)::int, '2024-01-01'::date + id % 1000, 'pending', repeat(md5(id::text), 4),
      CASE WHEN id % 50 = 0 THEN repeat(md5(id::text), 100) END
    FROM generate_series(1, ${rowCount}) id;
  CREATE INDEX bookings_customer_idx ON public.bookings (customer, day);
  CREATE INDEX bookings_status_idx ON public.bookings (status, id);
  DELETE FROM public.bookings WHERE random() < 0.4;
  UPDATE public.bookings SET status = 'confirmed' WHERE random() < 0.4;`

/** Fills the database that is copied for each remedy. */
export async function setScene(url: string): Promise<void> {
  const client = await connect(url)
  await client.query('CREATE EXTENSION pgstattuple')
  await installDebianExtension(client, 'pg_repack', 'repack')
  await client.query(scene)
  await client.query('VACUUM (ANALYZE) public.bookings')
  await client.end()
}

/** The server with the copy, and the folders to look for pg_repack, in the format of PATH. */
export interface Place {
  server: Server
  path: string
}

export interface Sessions {
  client: Client
  watcher: Client
  url: string
}

/** Opens two sessions on the copy. */
export async function withSessions<T>(
  { server }: Place,
  work: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  const url = server.url('copy')
  const client = await connect(url)
  const watcher = await connect(url)
  try {
    return await work({ client, watcher, url })
  } finally {
    await client.end()
    await watcher.end()
  }
}

/** What is known before, and the action. */
export async function prepare(
  { client, watcher, url }: Sessions,
  path: string,
  kind: RemedyKind,
  signal: AbortSignal,
): Promise<{ table: BloatedTable; action: RewriteAction; foretold: number }> {
  const survey = await findBloat(client)
  const wanted = { kind, isNamed: true, hours: { begin: 0, end: 24 * 60 } }
  const tools = { watcher, signal, onProgress: () => undefined }
  const actions = await chooseActions(survey, survey.tables, wanted, { tools, place: { url, path } })
  const [table] = survey.tables
  const [action] = actions
  if (!table || !action) throw new Error(`nothing to do for ${kind}`)
  return { table, action, foretold: remedyOf(kind, table.space).returnsBytes }
}

/** `205.8 MB` */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}

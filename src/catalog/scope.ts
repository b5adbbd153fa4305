import { listUserSchemas } from './userSchemas.ts'
import type { Snapshot } from './snapshot.ts'

/** Whether findings about objects of a schema are wanted: those asked for, else every schema of the team's own. */
export async function wantedSchemas(context: Snapshot): Promise<(schema: string) => boolean> {
  const wanted = new Set(context.schemas ?? (await context.read(listUserSchemas)))
  return (schema) => wanted.has(schema)
}

import { listUserSchemas } from '../introspect/userSchemas.ts'
import type { RuleContext } from './rule.ts'

/** Whether findings about objects of a schema are wanted: those asked for, else every schema of the team's own. */
export async function wantedSchemas(context: RuleContext): Promise<(schema: string) => boolean> {
  const wanted = new Set(context.schemas ?? (await context.read(listUserSchemas)))
  return (schema) => wanted.has(schema)
}

import type { SchemaObject } from './schemaObject.ts'

/**
 * Drops the roles that no other object names, with their memberships. If a used role is a member of another role, that
 * one counts as used too, since its privileges are.
 */
export function keepUsedRoles(objects: SchemaObject[]): SchemaObject[] {
  const isOfServer = ({ kind }: SchemaObject): boolean => kind === 'role' || kind === 'membership'
  const used = new Set(objects.filter((object) => !isOfServer(object)).flatMap(({ roles }) => [...roles]))
  const memberships = objects.filter(({ kind }) => kind === 'membership').map(({ roles }) => [...roles])
  // The loop also visits the names that are added while it runs.
  for (const name of used) {
    for (const [member, role] of memberships) if (member === name && role !== undefined) used.add(role)
  }
  return objects.filter((object) => !isOfServer(object) || [...object.roles].every((role) => used.has(role)))
}

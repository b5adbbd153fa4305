/** Every JSON document begins with these; scripts tell documents apart by them. */
export interface JsonHeader {
  schemaVersion: 1
  command: string
  /** ISO 8601, UTC. */
  takenAt: string
}

/** `{ rows }` -> `{ schemaVersion: 1, command, takenAt, rows }` as indented text. */
export function jsonDocument(command: string, body: object, takenAt = new Date()): string {
  const header: JsonHeader = { schemaVersion: 1, command, takenAt: takenAt.toISOString() }
  return `${JSON.stringify({ ...header, ...body }, null, 2)}\n`
}

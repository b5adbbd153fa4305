/** Every JSON document begins with these; scripts tell documents apart by them. */
export interface JsonHeader {
  schemaVersion: 1
  command: string
  /** ISO 8601, UTC. */
  takenAt: string
}

/** `{ rows }` -> `{ schemaVersion: 1, command, takenAt, rows }` as indented text. */
export function jsonDocument(command: string, body: object, takenAt = new Date()): string {
  return `${JSON.stringify({ ...headerOf(command, takenAt), ...body }, null, 2)}\n`
}

/** The same document in one line, for streams of documents. */
export function jsonLine(command: string, body: object, takenAt: Date): string {
  return `${JSON.stringify({ ...headerOf(command, takenAt), ...body })}\n`
}

function headerOf(command: string, takenAt: Date): JsonHeader {
  return { schemaVersion: 1, command, takenAt: takenAt.toISOString() }
}

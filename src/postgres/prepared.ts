import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'

/**
 * The client with every query prepared: the server parses and plans each text once per session. Use it only in a session
 * of your own that no pooler serves: after somebody else's `DISCARD ALL`, or in another server process, the statements
 * that the client believes to be prepared do not exist.
 */
export function prepared(client: ClientBase): ClientBase {
  const query = (text: string, values?: unknown[]) =>
    client.query({ name: createHash('sha1').update(text).digest('hex'), text, values: values ?? [] })
  return new Proxy(client, {
    get: (target, property, receiver) =>
      property === 'query' ? query : (Reflect.get(target, property, receiver) as unknown),
  })
}

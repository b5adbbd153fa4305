import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'

/**
 * The client as one who asks the same questions again and again: each text is parsed and planned once in the
 * session and then only run. For a session of one's own, without a pooler before it: a `DISCARD ALL` of somebody
 * else's, or another server process, would not know the statements that the client believes are prepared.
 */
export function prepared(client: ClientBase): ClientBase {
  const query = (text: string, values?: unknown[]) =>
    client.query({ name: createHash('sha1').update(text).digest('hex'), text, values: values ?? [] })
  return new Proxy(client, {
    get: (target, property, receiver) =>
      property === 'query' ? query : (Reflect.get(target, property, receiver) as unknown),
  })
}

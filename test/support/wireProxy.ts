import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** Stands between a client and its server, and may hold each request before the server sees it. */
export interface WireProxy {
  /** The same login through the proxy. */
  url(directUrl: string): string
  /** Called for each request; it goes to the server when this resolves. */
  onRequest: (request: HeldRequest) => Promise<void> | void
  close(): Promise<void>
}

/** One request of PostgreSQL's protocol: a simple query, or the messages of an extended one up to its Sync. */
export interface HeldRequest {
  sql: string
  /** Lets it through at once, so that what comes next happens while the server works on it. */
  pass(): void
  /** Breaks the connection on both sides, as a network does that is gone: the server has the request, the client no answer. */
  cut(): void
}

/** Starts a proxy on a free port of this machine, to the server of a URL such as `postgresql://u:p@127.0.0.1:5432/x`. */
export async function startWireProxy(serverUrl: string): Promise<WireProxy> {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // A request of several messages would wait for the server's delayed acknowledgement of its first.
      socket.setNoDelay()
      // What breaks on one side ends the other; the client tells what it makes of it.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.pipe(client)
    void relay(client, upstream, (request) => proxy.onRequest(request)).catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: WireProxy = {
    url: (directUrl) => {
      const url = new URL(directUrl)
      url.hostname = '127.0.0.1'
      url.port = String((server.address() as AddressInfo).port)
      return url.href
    },
    onRequest: () => undefined,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}

async function relay(
  client: Socket,
  upstream: Socket,
  onRequest: (request: HeldRequest) => Promise<void> | void,
): Promise<void> {
  let pending = Buffer.alloc(0)
  let loggedIn = false
  let inExtended = false
  for await (const chunk of client as AsyncIterable<Buffer>) {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      // The first message has no letter for its kind.
      const head = loggedIn ? 1 : 0
      if (pending.length < head + 4) break
      const end = head + pending.readUInt32BE(head)
      if (pending.length < end) break
      const message = pending.subarray(0, end)
      pending = pending.subarray(end)
      const kind = loggedIn ? String.fromCharCode(message[0] ?? 0) : 'startup'
      loggedIn = true
      const sql = textOf(kind, message)
      let passed = false
      const pass = () => {
        if (!passed) upstream.write(message)
        passed = true
      }
      const cut = () => {
        pass()
        client.destroy()
      }
      if (sql !== undefined && !inExtended) await onRequest({ sql, pass, cut })
      inExtended = kind === 'P' || (inExtended && kind !== 'S')
      pass()
    }
  }
}

/** The SQL of a Query or a Parse message. */
function textOf(kind: string, message: Buffer): string | undefined {
  if (kind === 'Q') return message.toString('utf8', 5, message.length - 1)
  if (kind !== 'P') return undefined
  const from = message.indexOf(0, 5) + 1
  return message.toString('utf8', from, message.indexOf(0, from))
}

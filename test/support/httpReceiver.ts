import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** A request as it came, its body unpacked. */
export interface ReceivedRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** A server on this machine that keeps what it was sent and answers as the test wants. */
export interface HttpReceiver {
  url: string
  received: ReceivedRequest[]
  /** Breaks every connection and takes no new one, as a process that dies. */
  stop(): Promise<void>
  /** Listens again on the same port. */
  start(): Promise<void>
}

type Respond = (request: ReceivedRequest, response: ServerResponse) => void

/** Starts a server; it answers 200 unless `respond` does. */
export async function startHttpReceiver(respond?: Respond): Promise<HttpReceiver> {
  const received: ReceivedRequest[] = []
  const make = () =>
    createServer((request, response) => {
      void readBody(request).then(
        (body) => {
          const { method = '', url: path = '', headers } = request
          const whole = { method, path, headers, body }
          received.push(whole)
          if (respond) respond(whole, response)
          else response.end('{"status":1}')
        },
        () => undefined,
      )
    })
  let server = make()
  let port = 0
  const start = async (): Promise<void> => {
    server = make()
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    start,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UsageError, messageOf } from '../../errors.ts'
import { errorCode } from '../../postgres/sqlState.ts'

/** A page as Prometheus reads it. */
export interface MetricsPage {
  contentType: string
  text: string
}

/** Serves the values of the last round: `/metrics`, and `/healthz` for those who watch the process. */
export interface MetricsServer {
  /** `127.0.0.1:9187`. */
  address: string
  close(): Promise<void>
}

/** Where to listen; an empty host means every address of this machine. */
export interface ListenAddress {
  host: string
  port: number
}

/**
 * @param page the last one; undefined before the first round
 * @throws UsageError where the address is taken or not one of this machine
 */
export async function serveMetrics(
  { host, port }: ListenAddress,
  page: () => MetricsPage | undefined,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers })
      response.end(request.method === 'HEAD' ? undefined : text)
    }
    const path = request.url?.split('?')[0]
    if (path !== '/metrics' && path !== '/healthz') return answer(404, 'There are /metrics and /healthz.\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return answer(405, 'Only GET and HEAD are answered.\n', { allow: 'GET, HEAD' })
    }
    if (path === '/healthz') return answer(200, 'ok\n')
    const last = page()
    if (!last) return answer(503, 'The first round is not done yet.\n', { 'retry-after': '1' })
    return answer(200, last.text, { 'content-type': last.contentType })
  })
  server.keepAliveTimeout = 5_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve)
  }).catch((error: unknown) => {
    throw cannotListen({ host, port }, error)
  })
  return {
    address: describe(server.address() as AddressInfo),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function describe({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

function cannotListen({ host, port }: ListenAddress, error: unknown): UsageError {
  const where = `${host}:${port}`
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new UsageError(
        `Another program listens on ${where} already.`,
        'Stop it, or give this monitor another address with --listen.',
      )
    case 'EACCES':
      return new UsageError(
        `This account may not listen on ${where}.`,
        'Choose a port above 1023 with --listen.',
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UsageError(
        `${host} is no address of this machine.`,
        'Give --listen an address of this machine, or none, as in --listen :9187.',
      )
    default:
      return new UsageError(
        `Cannot listen on ${where}: ${messageOf(error)}.`,
        'Choose another address with --listen.',
      )
  }
}

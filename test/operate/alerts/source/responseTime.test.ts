import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { fileSchema } from '../../../../src/operate/alerts/file/schema.ts'
import { readResponseTime } from '../../../../src/operate/alerts/source/responseTime.ts'
import type { HttpReceiver } from '../../../support/httpReceiver.ts'
import { startHttpReceiver } from '../../../support/httpReceiver.ts'

let server: HttpReceiver
let respond: (response: ServerResponse) => void
beforeAll(async () => {
  server = await startHttpReceiver((_, response) => respond(response))
})
afterAll(() => server.stop())
beforeEach(() => void server.received.splice(0))

const answer = (content: unknown) => {
  respond = (response) => response.end(JSON.stringify(content))
}
function read(source: object | undefined, timeoutMs = 5_000) {
  const file = fileSchema.parse({
    alerts: [{ id: 'a', metric: 'm', above: 1 }],
    ...(source && { api_response_time: source }),
  })
  return readResponseTime(file.api_response_time, { reveal: () => 's3cret', timeoutMs })
}
const fromPrometheus = () => read({ prometheus: { url: server.url, token: '${TOKEN}' } })
const fromPostHog = (unit = 'ms') =>
  read({ posthog: { host: server.url, project: 12345, key: '${KEY}', query: 'SELECT 1', unit } })
const measured = (value: number) => ({
  measurement: { id: 'api_response_time', unit: 'seconds', value, labels: {} },
})

test('without a source it is skipped, and says that PostgreSQL cannot see it', async () => {
  expect(await read(undefined)).toEqual({
    skipped: 'not configured: PostgreSQL cannot see it; name a source in the file of alerts',
  })
})

test("Prometheus is asked for the 95th percentile of OpenTelemetry's histogram", async () => {
  answer({
    status: 'success',
    data: { resultType: 'vector', result: [{ metric: {}, value: [1.7e9, '1.25'] }] },
  })
  expect(await fromPrometheus()).toEqual(measured(1.25))
  const [request] = server.received
  const url = new URL(request?.path ?? '', server.url)
  expect([request?.method, url.pathname]).toEqual(['GET', '/api/v1/query'])
  expect(url.searchParams.get('query')).toBe(
    'histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))',
  )
  expect(request?.headers.authorization).toBe('Bearer s3cret')
})

test('PostHog is asked with HogQL', async () => {
  answer({ results: [[1250]], columns: ['quantile'] })
  expect(await fromPostHog()).toEqual(measured(1.25))
  answer({ results: [[1.25]] })
  expect(await fromPostHog('s')).toEqual(measured(1.25))
  const [request] = server.received
  expect([request?.method, request?.path]).toEqual(['POST', '/api/projects/12345/query/'])
  expect(request?.headers.authorization).toBe('Bearer s3cret')
  expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
    query: { kind: 'HogQLQuery', query: 'SELECT 1' },
  })
})

test('no requests are no response time', async () => {
  answer({ status: 'success', data: { resultType: 'vector', result: [] } })
  expect(await fromPrometheus()).toEqual({ skipped: 'Prometheus has seen no request lately' })
  answer({ status: 'success', data: { resultType: 'scalar', result: [1.7e9, 'NaN'] } })
  expect(await fromPrometheus()).toEqual({ skipped: 'Prometheus has seen no request lately' })
  for (const results of [[], [[]], [[null]]]) {
    answer({ results })
    expect(await fromPostHog()).toEqual({ skipped: 'PostHog has seen no request lately' })
  }
})

test.each([
  [
    'another shape',
    (response: ServerResponse) => response.end('{"results": 1}'),
    'its answer has another shape',
  ],
  ['no JSON', (response: ServerResponse) => response.end('<html>'), 'its answer is no JSON'],
  ['401', (response: ServerResponse) => response.writeHead(401).end('s3cret'), 'it answers 401'],
  [
    'a redirect',
    (response: ServerResponse) => response.writeHead(302, { location: '/' }).end(),
    'it answers 302',
  ],
  ['a closed connection', (response: ServerResponse) => response.destroy(), 'the connection was closed'],
  ['an answer without end', endless, 'its answer is far too long'],
])('a source that answers with %s is skipped with the reason, and no secret', async (_, with_, reason) => {
  respond = with_
  expect(await fromPostHog()).toEqual({ skipped: `PostHog does not say: ${reason}` })
})

function endless(response: ServerResponse): void {
  const write = (): boolean => response.write('x'.repeat(100_000))
  response.on('drain', write)
  write()
}

test('a source that never answers does not hold up the round', async () => {
  respond = () => undefined
  expect(await read({ prometheus: { url: server.url } }, 100)).toEqual({
    skipped: 'Prometheus does not say: no answer in time',
  })
  respond = (response) => void response.writeHead(200).write('{')
  expect(await read({ prometheus: { url: server.url } }, 100)).toEqual({
    skipped: 'Prometheus does not say: no answer in time',
  })
})

test('a query with several results is refused: which one would it be?', async () => {
  const value = [1.7e9, '1']
  answer({ status: 'success', data: { resultType: 'vector', result: [{ value }, { value }] } })
  expect(await fromPrometheus()).toEqual({
    skipped: 'Prometheus does not say: the query has 2 results, and one is wanted',
  })
})

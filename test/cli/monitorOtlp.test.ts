import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { metrics } from '../../src/metrics/registry.ts'
import { otelNameOf } from '../../src/report/otlpMetrics.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: string }
}
interface Point {
  attributes?: Attribute[]
  asInt?: string
  asDouble?: number
  startTimeUnixNano: string
  timeUnixNano: string
}
interface OtlpMetric {
  name: string
  unit: string
  gauge?: { dataPoints: Point[] }
  sum?: { dataPoints: Point[]; isMonotonic?: boolean; aggregationTemporality: string }
}
interface OtlpRequest {
  resourceMetrics: {
    resource: { attributes: Attribute[] }
    scopeMetrics: { scope: { name: string }; metrics: OtlpMetric[] }[]
  }[]
}

/** The official definitions, which the exporter does not use: it has a serialiser of its own. */
const root = new protobuf.Root()
root.resolvePath = (_, target) =>
  fileURLToPath(new URL(`../../node_modules/otlp-protos/build/protos/${target}`, import.meta.url))
root.loadSync('opentelemetry/proto/collector/metrics/v1/metrics_service.proto')
const requestType = root.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest')

let database: TestDatabase
const received: { url: string | undefined; headers: IncomingHttpHeaders; request: OtlpRequest }[] = []
/** Statuses of the next answers; then 200. */
let answers: number[] = []
const receiver = createServer((incoming, response) => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const body = Buffer.concat(chunks)
    const plain = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    const request = requestType.toObject(requestType.decode(plain), { longs: String, enums: String })
    received.push({ url: incoming.url, headers: incoming.headers, request: request as OtlpRequest })
    response.writeHead(answers.shift() ?? 200, { 'content-type': 'application/x-protobuf' }).end()
  })
})

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
})
beforeEach(() => {
  received.length = 0
  answers = []
})
afterAll(async () => {
  receiver.closeAllConnections()
  receiver.close()
  await database.drop()
})

const endpoint = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
const send = (environment: Record<string, string>, ...args: string[]) =>
  callCommand(['monitor', '--format', 'otlp', ...args], {
    environment: { DIRECT_URL: database.url, ...environment },
  })

test('the receiver decodes a round by the official definitions', async () => {
  const { exitCode, out, err } = await send({
    OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint()}/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=s%20ecret, x-team = web',
    OTEL_SERVICE_NAME: 'shop-db',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  })
  expect({ exitCode, out, err }).toEqual({ exitCode: 0, out: '', err: '' })
  const [{ url, headers, request } = { url: undefined, headers: {}, request: undefined }] = received
  expect(url).toBe('/v1/metrics')
  expect(headers).toMatchObject({
    'x-key': 's ecret',
    'x-team': 'web',
    'content-type': 'application/x-protobuf',
  })
  const [resourceMetrics] = request?.resourceMetrics ?? []
  expect(attributesOf(resourceMetrics?.resource.attributes)).toMatchObject({
    'service.name': 'shop-db',
    'deployment.environment.name': 'test',
    'db.system.name': 'postgresql',
    'postgresql.database.name': database.name,
  })
  const sent = resourceMetrics?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
  expect(sent.length).toBeGreaterThan(40)
  const known = new Map(metrics.map((metric) => [otelNameOf(metric).name, metric]))
  for (const { name, unit, gauge, sum } of sent) {
    const metric = known.get(name)
    expect(metric, name).toBeDefined()
    expect(unit).toBe(metric && otelNameOf(metric).unit)
    expect(sum?.isMonotonic === true).toBe(metric?.kind === 'counter')
    if (sum) expect(sum.aggregationTemporality).toBe('AGGREGATION_TEMPORALITY_CUMULATIVE')
    expect((gauge ?? sum)?.dataPoints.length).toBeGreaterThan(0)
  }
  const pointsOf = (name: string) => {
    const metric = sent.find((each) => each.name === name)
    return (metric?.gauge ?? metric?.sum)?.dataPoints ?? []
  }
  const [commits] = pointsOf('postgresql.commits')
  expect(Number(commits?.asInt)).toBeGreaterThan(0)
  expect(attributesOf(commits?.attributes)).toEqual({ 'db.namespace': database.name })
  expect(BigInt(commits?.startTimeUnixNano ?? 0)).toBeLessThan(BigInt(commits?.timeUnixNano ?? 0))
  const [usage] = pointsOf('hundredfold.connection_usage')
  expect(usage?.asDouble).toBeGreaterThan(0)
  expect(usage?.asDouble).toBeLessThan(1)
  expect(
    pointsOf('postgresql.bgwriter.checkpoint.count').map(({ attributes }) => attributesOf(attributes)),
  ).toEqual([{ type: 'scheduled' }, { type: 'requested' }])
  expect(
    pointsOf('db.client.connection.count').map(({ attributes }) => attributesOf(attributes)),
  ).toContainEqual({ 'db.client.connection.state': 'idle', 'db.client.connection.pool.name': 'all' })
})

test('the endpoint of metrics alone is taken as it is, before the general one', async () => {
  const { exitCode } = await send({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${endpoint()}/mine?tenant=1`,
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x-key=metrics',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=all',
  })
  expect(exitCode).toBe(0)
  expect(received.map(({ url, headers }) => [url, headers['x-key']])).toEqual([['/mine?tenant=1', 'metrics']])
})

test('a receiver that is busy for a moment is tried again', async () => {
  answers = [503]
  expect((await send({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint() })).exitCode).toBe(0)
  expect(received).toHaveLength(2)
})

test('a receiver that refuses ends with 5, without header, user or password', async () => {
  answers = [401]
  const url = endpoint().replace('http://', 'http://me:pass-w0rd@')
  const { exitCode, out, err } = await send({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20t0ken',
  })
  expect(exitCode).toBe(5)
  expect(err).toContain(`${endpoint()}/v1/metrics did not take the metrics`)
  expect(out + err).not.toMatch(/pass-w0rd|t0ken/)
})

test('an endpoint that is no URL is named by its variable', async () => {
  const { exitCode, err } = await send({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318:x' })
  expect(exitCode).toBe(5)
  expect(err).toContain('OTEL_EXPORTER_OTLP_ENDPOINT')
})

test('in rounds a failure is said once, and the next rounds are sent', async () => {
  answers = [400, 400]
  const stop = new AbortController()
  const running = callCommand(['monitor', '--format', 'otlp', '--every', '1s'], {
    environment: { DIRECT_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint() },
    signal: stop.signal,
  })
  await expect.poll(() => received.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(4)
  stop.abort()
  const { exitCode, err } = await running
  expect(exitCode).toBe(0)
  expect(err.match(/Metrics are not written/g)).toHaveLength(1)
  expect(err.match(/Metrics are written again/g)).toHaveLength(1)
})

function attributesOf(attributes: Attribute[] = []): Record<string, string | undefined> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]))
}

import { createRequire } from 'node:module'
import { Logtail } from '@logtail/node'
import { PostHog } from 'posthog-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { receiverOf } from '../../../../src/operate/alerts/deliver/receiver.ts'
import { fileSchema } from '../../../../src/operate/alerts/file/schema.ts'
import type { ReceiverEntry } from '../../../../src/operate/alerts/file/schema.ts'
import type { HttpReceiver, ReceivedRequest } from '../../../support/httpReceiver.ts'
import { startHttpReceiver } from '../../../support/httpReceiver.ts'
import { notificationFor } from '../notifications.ts'

let receiver: HttpReceiver
beforeAll(async () => {
  receiver = await startHttpReceiver()
})
afterAll(() => receiver.stop())
beforeEach(() => void receiver.received.splice(0))

const secrets: Record<string, string> = { KEY: 'phc_project_key', TOKEN: 'source-token' }
const notifications = [notificationFor(1), notificationFor(2, { kind: 'recovered', value: 60 })]

/** Sends with our receiver, and returns the one request that came. */
async function sendOurs(entry: object, batch = notifications): Promise<ReceivedRequest> {
  receiver.received.splice(0)
  const { receivers } = fileSchema.parse({
    receivers: { it: entry },
    alerts: [{ id: 'a', metric: 'm', above: 1 }],
  })
  const ours = receiverOf('it', receivers['it'] as ReceiverEntry, {
    reveal: ({ variable }) => (variable === 'URL' ? `${receiver.url}/hook` : (secrets[variable] ?? '')),
    out: () => undefined,
    timeoutMs: 5_000,
  })
  expect(await ours.send(batch, new AbortController().signal)).toEqual({ kind: 'delivered' })
  expect(receiver.received).toHaveLength(1)
  return receiver.received[0] as ReceivedRequest
}

interface PostHogBatch {
  api_key: string
  sent_at: string
  batch: {
    event: string
    properties: Record<string, unknown>
    timestamp: string
    uuid: string
    distinct_id: string
  }[]
}

test('PostHog gets what posthog-node sends it', async () => {
  const ours = await sendOurs({ type: 'posthog', host: receiver.url, key: '${KEY}' })
  const ourBody = JSON.parse(ours.body.toString()) as PostHogBatch

  receiver.received.splice(0)
  const client = new PostHog('phc_project_key', { host: receiver.url, flushInterval: 60_000 })
  for (const { event, properties, timestamp, uuid } of ourBody.batch) {
    // The library adds its own.
    const own = without(properties, ['$lib', '$is_server', '$geoip_disable'])
    client.capture({
      ...{ distinctId: 'hundredfold', event, properties: own, uuid },
      timestamp: new Date(timestamp),
    })
  }
  await client.shutdown()
  const [theirs] = receiver.received
  const theirBody = JSON.parse(theirs?.body.toString() ?? '') as PostHogBatch

  expect([ours.method, ours.path]).toEqual([theirs?.method, theirs?.path])
  expect(ours.headers['content-type']).toBe(theirs?.headers['content-type'])
  expect(ourBody.api_key).toBe(theirBody.api_key)
  expect(Object.keys(ourBody).sort()).toEqual(Object.keys(theirBody).sort())
  expect(ourBody.sent_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const withoutLibrary = ({ properties, ...event }: PostHogBatch['batch'][number]) => ({
    ...event,
    properties: without(properties, ['$lib', '$lib_version']),
  })
  expect(ourBody.batch.map(withoutLibrary)).toEqual(theirBody.batch.map(withoutLibrary))
  expect(ourBody.batch.map(({ uuid }) => uuid)).toEqual(notifications.map(({ uuid }) => uuid))
})

function without(properties: Record<string, unknown>, names: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)))
}

test('Better Stack gets what @logtail/node sends it, as JSON', async () => {
  const ours = await sendOurs({ type: 'betterstack', host: receiver.url, token: '${TOKEN}' })
  const ourBody = JSON.parse(ours.body.toString()) as Record<string, unknown>[]

  receiver.received.splice(0)
  const client = new Logtail('source-token', { endpoint: receiver.url, captureStackContext: false })
  const logged = ourBody.map(({ dt, level, message, ...context }) =>
    client.log(String(message), String(level), { ...context, dt: new Date(String(dt)) }),
  )
  await client.flush()
  await Promise.all(logged)
  const [theirs] = receiver.received

  expect([ours.method, ours.path]).toEqual([theirs?.method, theirs?.path])
  expect(ours.headers.authorization).toBe(theirs?.headers.authorization)
  expect(theirs?.headers['content-type']).toBe('application/msgpack')
  expect(ours.headers['content-type']).toBe('application/json')
  expect(ourBody).toEqual(unpack(theirs?.body ?? Buffer.alloc(0)))
  expect(ourBody.map(({ level }) => level)).toEqual(['warn', 'info'])
  expect(ourBody.map(({ id }) => id)).toEqual(notifications.map(({ uuid }) => uuid))
})

/** With the decoder of the library's own encoder. */
function unpack(body: Buffer): unknown {
  const require = createRequire(import.meta.url)
  const msgpack = createRequire(require.resolve('@logtail/node'))('@msgpack/msgpack') as {
    decode(body: Buffer): unknown
  }
  return msgpack.decode(body)
}

test('a webhook gets the text, and the id as a header', async () => {
  const first = notificationFor(1)
  const { method, path, headers, body } = await sendOurs({ type: 'webhook', url: '${URL}' }, [first])
  expect([method, path, headers['content-type']]).toEqual(['POST', '/hook', 'application/json'])
  expect(JSON.parse(body.toString())).toEqual({ text: first.text })
  expect(headers['idempotency-key']).toBe(first.uuid)
  expect(headers.authorization).toBeUndefined()
  const withToken = await sendOurs({ type: 'webhook', url: '${URL}', token: '${TOKEN}' }, [first])
  expect(withToken.headers.authorization).toBe('Bearer source-token')
})

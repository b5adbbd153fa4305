import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pauseMs } from '../../../../src/operate/alerts/deliver/backOff.ts'
import { post } from '../../../../src/operate/alerts/deliver/post.ts'
import type { HttpReceiver, ReceivedRequest } from '../../../support/httpReceiver.ts'
import { startHttpReceiver } from '../../../support/httpReceiver.ts'

let receiver: HttpReceiver
let respond: (response: ServerResponse) => void
beforeAll(async () => {
  receiver = await startHttpReceiver((_, response) => respond(response))
})
afterAll(() => receiver.stop())

const answering = (status: number, headers: Record<string, string> = {}) => {
  respond = (response) => response.writeHead(status, headers).end('no')
}
const send = (url = `${receiver.url}/s3cret`, timeoutMs = 5_000) =>
  post({ url, headers: {}, body: { text: 'x' } }, { timeoutMs, signal: new AbortController().signal })

describe('what an answer means', () => {
  test.each([200, 201, 202, 204])('%i: it has it', async (status) => {
    answering(status)
    expect(await send()).toEqual({ kind: 'delivered' })
  })

  test.each([408, 429, 500, 502, 503, 504])('%i: try again later', async (status) => {
    answering(status)
    expect(await send()).toEqual({ kind: 'later', reason: `it answers ${status}` })
  })

  test.each([301, 302, 307, 400, 401, 403, 404, 413, 422])('%i: it never will', async (status) => {
    answering(status, { location: 'http://127.0.0.1:1/elsewhere' })
    expect(await send()).toEqual({ kind: 'refused', reason: `it answers ${status}`, status })
  })

  test('Retry-After as seconds, as a date, as nonsense and as a year', async () => {
    answering(429, { 'retry-after': '7' })
    expect(await send()).toMatchObject({ afterMs: 7_000 })
    answering(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() })
    const outcome = await send()
    expect(outcome.kind === 'later' && outcome.afterMs).toBeGreaterThan(50_000)
    answering(503, { 'retry-after': 'soon' })
    expect(await send()).toEqual({ kind: 'later', reason: 'it answers 503' })
    answering(503, { 'retry-after': '31536000' })
    expect(await send()).toMatchObject({ afterMs: 3_600_000 })
  })
})

describe('a receiver that fails', () => {
  test('by never answering', async () => {
    respond = () => undefined
    expect(await send(undefined, 100)).toEqual({ kind: 'later', reason: 'no answer within 100 ms' })
  })

  test('by never ending its answer: it has what was sent', async () => {
    respond = (response) => void response.writeHead(200).write('{')
    const began = performance.now()
    expect(await send()).toEqual({ kind: 'delivered' })
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  test('by breaking the connection', async () => {
    respond = (response) => response.destroy()
    expect(await send()).toEqual({ kind: 'later', reason: 'the connection was closed' })
  })

  test('by not being there', async () => {
    const gone = await startHttpReceiver()
    await gone.stop()
    expect(await send(`${gone.url}/s3cret`)).toEqual({ kind: 'later', reason: 'nobody listens there' })
  })

  test('by having no name', async () => {
    expect(await send('http://s3cret.invalid/')).toMatchObject({
      kind: 'later',
      reason: expect.not.stringContaining('s3cret') as string,
    })
  })
})

test('a login in the URL becomes a header, and is not in the address', async () => {
  answering(200)
  receiver.received.splice(0)
  await send(receiver.url.replace('http://', 'http://user:pass%20word@'))
  const [request] = receiver.received as [ReceivedRequest]
  expect(request.headers.authorization).toBe(`Basic ${Buffer.from('user:pass word').toString('base64')}`)
})

test('pauses double up to the longest, with a random half, and never end before Retry-After', () => {
  const backOff = { firstMs: 1_000, mostMs: 60_000 }
  const range = (failures: number, afterMs?: number) =>
    [() => 0, () => 1].map((random) => pauseMs(backOff, { failures, afterMs }, random))
  expect(range(1)).toEqual([500, 1_000])
  expect(range(3)).toEqual([2_000, 4_000])
  expect(range(1_000)).toEqual([30_000, 60_000])
  expect(range(1, 120_000)).toEqual([120_000, 121_000])
})

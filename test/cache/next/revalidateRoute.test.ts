import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { nextInvalidator } from '../../../src/cache/next/nextInvalidator.ts'
import { revalidateRoute } from '../../../src/cache/next/revalidateRoute.ts'

const token = 'a secret'
let calls: unknown[] = []
const route = revalidateRoute({
  revalidateTag: (...args) => calls.push(args),
  revalidateAll: () => calls.push('all'),
  token,
})

/** Gives requests to the route as Next does. */
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { authorization = '' } = request.headers
    const asked = new Request('http://localhost/', {
      method: 'POST',
      headers: { authorization },
      body: Buffer.concat(chunks),
    })
    void route(asked).then(async (answer) => response.writeHead(answer.status).end(await answer.text()))
  })
})
let url: string

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/revalidate`
})
afterAll(() => server.close())
afterEach(() => (calls = []))

it('revalidates each tag at once, in the form that Next has too', async () => {
  await nextInvalidator({ urls: [url], token }).invalidate(['cities', 'city:a,b'])
  expect(calls).toEqual([
    ['cities', { expire: 0 }],
    ['city:a,b', { expire: 0 }],
    ['city:a%2Cb', { expire: 0 }],
  ])
})

it('revalidates everything where no tags are named, and lets old values be shown meanwhile if asked to', async () => {
  const profiles: unknown[] = []
  const patient = revalidateRoute({
    revalidateTag: (_, profile) => profiles.push(profile),
    revalidateAll: () => undefined,
    token,
    profile: 'max',
  })
  const headers = { authorization: `Bearer ${token}` }
  const answer = await patient(new Request(url, { method: 'POST', headers, body: '{"tags": ["cities"]}' }))
  expect(await answer.json()).toEqual({ revalidated: 1 })
  expect(profiles).toEqual(['max'])
  const invalidator = nextInvalidator({ urls: [url], token })
  await invalidator.invalidate(['cities', '*'])
  await (await invalidator.begin()).confirm()
  expect(calls).toEqual(['all'])
})

it('refuses who does not know the token, and what is no list of tags', async () => {
  await expect(nextInvalidator({ urls: [url], token: 'guessed!' }).invalidate(['cities'])).rejects.toThrow(
    `${url} answered 401 to a list of tags`,
  )
  for (const body of ['', 'null', '{"tags": "cities"}', '{"tags": [1]}']) {
    const headers = { authorization: `Bearer ${token}` }
    expect((await route(new Request(url, { method: 'POST', headers, body }))).status).toBe(400)
  }
  const open = revalidateRoute({
    revalidateTag: (...args) => calls.push(args),
    revalidateAll: () => undefined,
    token: '',
  })
  const headers = { authorization: 'Bearer ' }
  const answer = await open(new Request(url, { method: 'POST', headers, body: '{"tags": ["cities"]}' }))
  expect(answer.status).toBe(503)
  expect(calls).toEqual([])
})

it('fails where a process does not answer, so that the tags are sent again', async () => {
  const gone = 'http://127.0.0.1:1/api/revalidate'
  await expect(nextInvalidator({ urls: [url, gone], token }).invalidate(['cities'])).rejects.toThrow()
  expect(calls).toEqual([['cities', { expire: 0 }]])
})

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'

/** Answers every login with an error, as a pooler does that takes no more clients. */
async function refusedWith(code: string, message: string): Promise<unknown> {
  const fields = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`)
  const length = Buffer.alloc(4)
  length.writeInt32BE(fields.length + 4)
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from('E'), length, fields])))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const client = await connect(`postgresql://reader:secret@127.0.0.1:${port}/app`)
    await client.end()
    return undefined
  } catch (error) {
    return error
  } finally {
    server.close()
  }
}

test.each([
  [
    'XX000',
    'MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size',
  ],
  ['XX000', '(EMAXCONNSESSION) max clients reached in session mode'],
  ['08P01', 'no more connections allowed (max_client_conn)'],
])('a pooler that accepts no more clients is reported, with what to do: %s %s', async (code, message) => {
  const error = await refusedWith(code, message)
  expect(error).toMatchObject({
    name: 'UsageError',
    message: expect.stringMatching(
      /^The connection pooler at 127\.0\.0\.1:\d+.* has no session left/,
    ) as string,
  })
  expect(JSON.stringify(error) + String(error)).not.toContain('secret')
})

test('another internal error of a server is passed on as it is', async () => {
  const error = await refusedWith('XX000', 'cache lookup failed')
  expect(String(error)).toContain('Cannot connect to')
})

import { expect, inject, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { provideServer } from '../../src/servers/provideServer.ts'

test('the server of TEST_DATABASE_URL comes first, and is left running', async () => {
  const server = await provideServer(loadConfig({ TEST_DATABASE_URL: inject('serverUrl') }))
  expect(server.kind).toBe('external')
  expect(server.version).toBeGreaterThanOrEqual(14)
  expect(new URL(server.url('a b/c')).pathname).toBe('/a%20b%2Fc')

  await server.stop()
  await (await provideServer(loadConfig({ TEST_DATABASE_URL: server.url() }))).stop()
})

test('a TEST_DATABASE_URL without an answer is an error, not a reason to use another server', async () => {
  const url = new URL(inject('serverUrl'))
  url.port = '1'
  await expect(provideServer(loadConfig({ TEST_DATABASE_URL: url.href }))).rejects.toThrow(
    'No server answers',
  )
})

import { expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'

const nobody = { environment: { DIRECT_URL: '', DATABASE_URL: '' } }

test('a text that was never seen ends with 2, and is shown cut short', async () => {
  const { exitCode, out, err } = await callCommand(
    ['why', `TypeError: cannot read ${'x'.repeat(200)}`],
    nobody,
  )
  expect(exitCode).toBe(2)
  expect(out).toBe('')
  expect(err).toContain('This is not known: TypeError: cannot read')
  expect(err).not.toContain('x'.repeat(150))
})

test('no text at all is a wrong use', async () => {
  const { exitCode, err } = await callCommand(['why', ' '], nobody)
  expect(exitCode).toBe(5)
  expect(err).toContain('There is no text to recognise')
})

test('without a database the answer says that nobody has looked, and what helps', async () => {
  const { exitCode, out } = await callCommand(['why', 'FATAL: MaxClientsInSessionMode'], nobody)
  expect(exitCode).toBe(0)
  expect(out).toContain('No database is configured')
  expect(out).toMatch(/Do:\n {2}Point DATABASE_URL at the pooler in transaction mode/)
})

test('where nothing answers, that is said, without the password', async () => {
  const { exitCode, out, err } = await callCommand(['why', 'deadlock detected'], {
    environment: { DIRECT_URL: 'postgres://app:hush@127.0.0.1:1/shop' },
  })
  expect(exitCode).toBe(0)
  expect(out).toContain('127.0.0.1')
  expect(out + err).not.toContain('hush')
})

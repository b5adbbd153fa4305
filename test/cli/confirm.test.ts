import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { confirm } from '../../src/cli/confirm.ts'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

/** A terminal whose keyboard is in the hands of the test. */
function openTerminal(isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY, setRawMode: () => undefined })
  const output = Object.assign(new PassThrough(), { isTTY, columns: 80 })
  const interruption = new AbortController()
  let said = ''
  const answer = confirm('Write 3 migrations?', {
    input,
    output,
    signal: interruption.signal,
    say: (text) => (said += text),
  })
  return { input, output, interruption, answer, said: () => said }
}

describe('a question', () => {
  test.each(['y\n', 'YES\n', ' yes \n'])('is answered with yes by %j', async (typed) => {
    const { input, answer, said } = openTerminal()
    input.write(typed)
    expect(await answer).toBe(true)
    expect(said()).toBe('')
  })

  test.each(['n\n', '\n', 'yep\n', 'o y\n'])('is answered with no by %j', async (typed) => {
    const { input, answer } = openTerminal()
    input.write(typed)
    expect(await answer).toBe(false)
  })

  test('without a terminal is a no, and says what to do', async () => {
    const { answer, said } = openTerminal(false)
    expect(await answer).toBe(false)
    expect(said()).toBe('Nothing was written: no terminal to ask on; add --yes.\n')
  })

  test.each<[string, (terminal: ReturnType<typeof openTerminal>) => void]>([
    ['ends', ({ input }) => input.end()],
    ['ends with a yes that was not sent off', ({ input }) => input.end('y')],
    ['breaks', ({ input }) => input.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }))],
    ['is closed', ({ interruption }) => interruption.abort()],
    ['is closed after a letter', ({ input, interruption }) => input.write('y', () => interruption.abort())],
    ['sends Ctrl-C', ({ input }) => input.write('\x03')],
    ['sends Ctrl-D', ({ input }) => input.write('\x04')],
  ])('means no where the terminal %s', async (_, happen) => {
    const terminal = openTerminal()
    happen(terminal)
    expect(await terminal.answer).toBe(false)
    expect(terminal.said()).toContain('Nothing was written: the question got no answer.')
  })

  test('means no if the terminal had closed before', async () => {
    const first = openTerminal()
    first.input.end()
    await first.answer
    const { input, output, interruption } = first
    const second = confirm('Once more?', { input, output, signal: interruption.signal, say: () => undefined })
    expect(await second).toBe(false)
  })
})

describe('optimize', () => {
  const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))
  let database: TestDatabase
  let place: string

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    place = mkdtempSync(join(tmpdir(), 'confirm-'))
  })
  afterAll(async () => {
    rmSync(place, { recursive: true })
    await database.drop()
  })

  const args = (name: string) => ['optimize', '--rules', 'auth_rls_initplan', '--out', join(place, name)]

  test('without a terminal and without --yes writes nothing and says so', async () => {
    const { err } = await runCommand(args('none'), { environment: { DIRECT_URL: database.ownerUrl } })
    expect(err).toMatch(/Nothing was written: there is no terminal[^]*--yes/)
    expect(existsSync(join(place, 'none'))).toBe(false)
  })

  test.runIf(process.platform === 'linux')(
    'on a terminal that is closed at the question writes nothing and ends cleanly',
    async () => {
      const status = join(place, 'status')
      // `script` makes a terminal; when it is killed, the kernel closes it. The shell outlives that and keeps the exit code.
      const line = `trap '' HUP; "${process.execPath}" "${program}" ${args('closed').join(' ')} --json ${place}/result.json; echo $? > ${status}`
      const terminal = spawn('script', ['--quiet', '--command', line, '/dev/null'], {
        env: {
          PATH: process.env['PATH'],
          SHELL: '/bin/sh',
          TERM: 'dumb',
          NO_COLOR: '1',
          DIRECT_URL: database.ownerUrl,
        },
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      let shown = ''
      for await (const chunk of terminal.stdout as AsyncIterable<Buffer>) {
        shown += chunk.toString()
        if (shown.includes('[y/N]')) break
      }
      expect(shown).toContain('Write ')
      terminal.kill('SIGKILL')
      await once(terminal, 'exit')
      while (!existsSync(status) || readFileSync(status, 'utf8') === '')
        await new Promise((resolve) => setTimeout(resolve, 50))
      expect(existsSync(join(place, 'closed'))).toBe(false)
      // What a shell makes of SIGHUP: the program has stopped by itself, and then ended as the closed terminal wants it.
      expect(readFileSync(status, 'utf8')).toBe('129\n')
      expect(JSON.parse(readFileSync(join(place, 'result.json'), 'utf8'))).toMatchObject({ written: [] })
    },
  )
})

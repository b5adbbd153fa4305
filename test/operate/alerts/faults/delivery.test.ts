import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ReceivedRequest } from '../../../support/httpReceiver.ts'
import { seededRandom } from '../../../support/seededRandom.ts'
import type { AlertJob, AlertRound, Order } from './alertProcess.ts'
import type { FaultyReceiver, Taken } from './faultyReceiver.ts'
import { startFaultyReceiver } from './faultyReceiver.ts'

const isWhole = process.env['FAULTS'] === 'all'
const alertCount = isWhole ? 5_000 : 1_000
const kills = isWhole ? 60 : 8
const seed = Number(process.env['FAULTS_SEED'] ?? 20)
const rounds = isWhole ? 30 : 16
/** An alert fires for so many rounds. */
const firesFor = 3

let folder: string
let program: string
let receivers: Record<'webhook' | 'posthog' | 'betterstack', FaultyReceiver>
const random = seededRandom(seed)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alert-faults-'))
  program = join(folder, 'alertProcess.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('alertProcess.ts', import.meta.url))],
    ...{
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'error',
    },
    // Packages that are CommonJS ask for Node's own modules by `require`.
    banner: { js: `import module from 'node:module'; const require = module.createRequire(import.meta.url)` },
  })
  receivers = {
    // It takes one at a time, and so has many more requests than the others.
    webhook: await startFaultyReceiver(ofWebhook, { random, share: 0.03 }),
    posthog: await startFaultyReceiver(ofPostHog, { random, share: 0.3 }),
    betterstack: await startFaultyReceiver(ofBetterStack, { random, share: 0.3 }),
  }
  await writeFile(join(folder, 'alerts.yaml'), alertFile())
})
afterAll(async () => {
  await Promise.all(Object.values(receivers).map((receiver) => receiver.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** Each has so many sets of labels, and each of those is an alert of its own. */
const perRule = 50

function alertFile(): string {
  const alerts = Array.from(
    { length: alertCount / perRule },
    (_, rule) => `  - { id: "a${rule}", metric: load, labels: { rule: "${rule}" }, above: 80 % }`,
  )
  return `receivers:
  webhook:
    type: webhook
    url: \${URL}
  posthog:
    type: posthog
    host: ${receivers.posthog.url}
    key: \${KEY}
  betterstack:
    type: betterstack
    host: ${receivers.betterstack.url}
    token: \${KEY}
alerts:
${alerts.join('\n')}
`
}

function ofWebhook({ headers, body }: ReceivedRequest): Taken[] {
  const { text } = JSON.parse(body.toString()) as { text: string }
  const [, word, alert = ''] = /^(FIRING|RECOVERED) .*\n.* alert=(\d+) /.exec(text) ?? []
  const kind = word === 'FIRING' ? 'firing' : 'recovered'
  return [{ uuid: String(headers['idempotency-key']), alert, kind }]
}

function ofPostHog({ body }: ReceivedRequest): Taken[] {
  const { batch } = JSON.parse(body.toString()) as {
    batch: { event: string; uuid: string; properties: { labels: { alert: string } } }[]
  }
  return batch.map(({ event, uuid, properties }) => ({
    ...{ uuid, alert: properties.labels.alert },
    kind: event.endsWith('firing') ? 'firing' : 'recovered',
  }))
}

function ofBetterStack({ body }: ReceivedRequest): Taken[] {
  const entries = JSON.parse(body.toString()) as {
    id: string
    labels: { alert: string }
    kind: Taken['kind']
  }[]
  return entries.map(({ id, labels, kind }) => ({ uuid: id, alert: labels.alert, kind }))
}

/** Alerts begin one group after the other, and are all over in the last round. */
function roundOf(round: number): AlertRound {
  const group = Math.ceil(alertCount / (rounds - firesFor))
  const exceeding = Array.from({ length: alertCount }, (_, alert) => alert).filter((alert) => {
    const begins = Math.floor(alert / group)
    return round >= begins && round < begins + firesFor
  })
  return { round, exceeding, of: alertCount, perRule }
}

async function start(): Promise<ChildProcess> {
  const job: AlertJob = {
    file: join(folder, 'alerts.yaml'),
    folder: join(folder, 'state'),
    variables: { URL: `${receivers.webhook.url}/hook`, KEY: 's3cret' },
  }
  const child = fork(program, [JSON.stringify(job)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (first !== 'ready') throw new Error(`the monitor did not start: ${errors}`)
  return child
}
let errors = ''

/** Takes the round; false if the process ended before it had confirmed it. */
async function take(child: ChildProcess, order: Order, killAfterMs?: number): Promise<boolean> {
  const answered = once(child, 'message').then(() => true)
  const ended = once(child, 'exit').then(() => false)
  child.send(order)
  if (killAfterMs !== undefined) {
    await sleep(killAfterMs)
    child.kill('SIGKILL')
    await ended
    return false
  }
  return Promise.race([answered, ended])
}

const isComplete = () =>
  Object.values(receivers).every(({ taken }) => new Set(taken.map(({ uuid }) => uuid)).size >= 2 * alertCount)

test(`of ${alertCount} alerts none is lost, and doubles carry the same id, whatever fails and however often the sender is killed`, async () => {
  const killedAt = new Set<number>()
  while (killedAt.size < Math.min(kills, rounds)) killedAt.add(Math.floor(random.next() * rounds))
  let killed = 0
  let child = await start()
  for (let round = 0; round < rounds; round += 1) {
    // Again and again in the same round where there are to be more kills than rounds.
    for (let time = 0; killedAt.has(round) && time < Math.ceil(kills / rounds); time += 1) {
      await take(child, roundOf(round), random.next() * 60)
      killed += 1
      child = await start()
    }
    expect(await take(child, roundOf(round))).toBe(true)
    if (round % 6 === 3) {
      const receiver = random.pick(Object.values(receivers)) as FaultyReceiver
      await receiver.stop()
      await sleep(100)
      await receiver.start()
    }
  }
  for (const until = Date.now() + 60_000; !isComplete() && Date.now() < until;) await sleep(50)
  const ended = once(child, 'exit')
  child.send('close' satisfies Order)
  expect(await ended).toEqual([0, null])

  for (const [name, { taken }] of Object.entries(receivers)) {
    const first = [...new Map([...taken].reverse().map((each) => [each.uuid, each])).values()].reverse()
    const told = new Map<string, string[]>()
    for (const { alert, kind } of first) told.set(alert, [...(told.get(alert) ?? []), kind])
    // Each alert once as firing and once as recovered, in this order: a double with another id would be a third.
    const wrong = [...told].filter(([, kinds]) => kinds.join() !== 'firing,recovered')
    expect({ name, alerts: told.size, wrong }).toEqual({ name, alerts: alertCount, wrong: [] })
  }
  const doubles = Object.entries(receivers).map(
    ([name, { taken }]) => `${name} ${taken.length - 2 * alertCount}`,
  )
  const met = Object.values(receivers).flatMap(({ faults }) => [...faults])
  const faultCount = met.reduce((sum, [, count]) => sum + count, 0)
  process.stdout.write(
    `${3 * 2 * alertCount} deliveries, ${faultCount} faults, ${killed} kills: 0 lost, doubles with the same id: ${doubles.join(', ')}\n`,
  )
  expect(new Set(met.map(([name]) => name)).size).toBe(7)
  expect(killed).toBeGreaterThanOrEqual(kills)
  // Once everything is delivered, the queue has nothing that a restart would send again.
  const lines = (await readFile(join(folder, 'state', 'queue.jsonl'), 'utf8')).split('\n').filter(Boolean)
  const open = new Map<string, number>()
  for (const line of lines) {
    const { notification, delivered, to } = JSON.parse(line) as {
      notification?: { uuid: string }
      delivered?: string[]
      to: string | string[]
    }
    if (notification) open.set(notification.uuid, to.length)
    for (const uuid of delivered ?? []) open.set(uuid, (open.get(uuid) ?? 0) - 1)
  }
  expect([...open.values()].filter((count) => count > 0)).toEqual([])
  expect(errors).toContain('takes notifications again')
  expect(errors).not.toContain('s3cret')
  expect(errors).not.toContain('/hook')
}, 600_000)

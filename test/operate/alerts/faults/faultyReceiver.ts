import type { ServerResponse } from 'node:http'
import type { Random } from '../../../support/seededRandom.ts'
import type { HttpReceiver, ReceivedRequest } from '../../../support/httpReceiver.ts'
import { startHttpReceiver } from '../../../support/httpReceiver.ts'

/** What a receiver took: with the same id, it is a double. */
export interface Taken {
  uuid: string
  alert: string
  kind: 'firing' | 'recovered'
}

export interface FaultyReceiver extends HttpReceiver {
  taken: Taken[]
  /** Requests that a fault met, by its name. */
  faults: Map<string, number>
}

interface Fault {
  takes: boolean
  answer(response: ServerResponse): void
}

/** What may happen to a request. The ones that take it may still leave the sender in doubt. */
const faults: Record<string, Fault> = {
  'answers 500': { takes: false, answer: (response) => response.writeHead(500).end('no') },
  'answers 429 with Retry-After': {
    takes: false,
    answer: (response) => response.writeHead(429, { 'retry-after': '0' }).end(),
  },
  'never answers': { takes: false, answer: () => undefined },
  'breaks the connection': { takes: false, answer: (response) => response.destroy() },
  'takes it and breaks the connection': { takes: true, answer: (response) => response.destroy() },
  'takes it and never answers': { takes: true, answer: () => undefined },
  'takes it, and its answer never ends': {
    takes: true,
    answer: (response) => void response.writeHead(200).write('{'),
  },
}

const all = Object.entries(faults)

/** A receiver that meets a share of its requests with faults. */
export async function startFaultyReceiver(
  read: (request: ReceivedRequest) => Taken[],
  { random, share }: { random: Random; share: number },
): Promise<FaultyReceiver> {
  const taken: Taken[] = []
  const met = new Map<string, number>()
  let next = 0
  const receiver = await startHttpReceiver((request, response) => {
    // In turn, so that each happens however few requests there are.
    const [name, fault] = random.chance(share) ? (all[next++ % all.length] ?? []) : []
    if (name !== undefined) met.set(name, (met.get(name) ?? 0) + 1)
    if (fault?.takes ?? true) taken.push(...read(request))
    if (fault) fault.answer(response)
    else response.end('{"status":1}')
  })
  return Object.assign(receiver, { taken, faults: met })
}

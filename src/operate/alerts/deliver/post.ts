/** A request with secrets in it: it is sent, and never printed. */
export interface PostRequest {
  url: string
  headers: Record<string, string>
  body: unknown
}

/** What has become of a request. `reason` holds neither URL nor secret. */
export type Outcome =
  | { kind: 'delivered' }
  /** It may succeed later: after `afterMs` if the receiver has said so. */
  | { kind: 'later'; reason: string; afterMs?: number }
  /** It will fail for ever as it is; `status` says how. */
  | { kind: 'refused'; reason: string; status: number }

const longestWaitMs = 3_600_000

/** Sends JSON and says what has become of it. Only the status counts; the body of the answer is not waited for. */
export async function post(
  { url, headers, body }: PostRequest,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<Outcome> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const { href, authorization } = withoutCredentials(url)
  try {
    const response = await fetch(href, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'hundredfold',
        ...authorization,
        ...headers,
      },
      body: JSON.stringify(body),
      // A redirect would take the secret to another host.
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout]),
    })
    await response.body?.cancel().catch(() => undefined)
    return outcomeOf(response.status, response.headers.get('retry-after'))
  } catch (error) {
    return {
      kind: 'later',
      reason: timeout.aborted ? `no answer within ${timeoutMs} ms` : failureText(error),
    }
  }
}

function outcomeOf(status: number, retryAfter: string | null): Outcome {
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  const reason = `it answers ${status}`
  if (status < 500 && status !== 408 && status !== 429) return { kind: 'refused', reason, status }
  const afterMs = retryAfterMs(retryAfter)
  return afterMs === undefined ? { kind: 'later', reason } : { kind: 'later', reason, afterMs }
}

/** `Retry-After` as seconds or as a date; at most an hour, whatever the two clocks say. */
function retryAfterMs(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs)
}

/** `fetch` takes no URL with a login, and its error would repeat it. */
export function withoutCredentials(url: string): { href: string; authorization: Record<string, string> } {
  const parsed = new URL(url)
  const { username, password } = parsed
  parsed.username = ''
  parsed.password = ''
  if (username === '' && password === '') return { href: parsed.href, authorization: {} }
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    href: parsed.href,
    authorization: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
  }
}

/** The system's code alone: messages of `fetch` may hold the URL. */
export function failureText(error: unknown): string {
  const codes: Record<string, string> = {
    ECONNREFUSED: 'nobody listens there',
    ECONNRESET: 'the connection was reset',
    UND_ERR_SOCKET: 'the connection was closed',
    ENOTFOUND: 'its host name is not known',
    EAI_AGAIN: 'the name server does not answer',
    ETIMEDOUT: 'it does not answer',
    UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  }
  const cause = error instanceof Error ? (error.cause ?? error) : undefined
  const code = String((cause as { code?: unknown } | undefined)?.code ?? 'the request failed')
  return codes[code] ?? code
}

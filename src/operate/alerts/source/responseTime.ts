import * as z from 'zod'
import { failureText } from '../deliver/post.ts'
import type { ResponseTimeEntry } from '../file/schema.ts'
import type { Reveal } from '../file/secrets.ts'
import type { KnownMetric } from '../file/readAlertFile.ts'
import type { Measurement } from '../../../metrics/measurement.ts'

/** PostgreSQL cannot see it: it is asked of whoever watches the API. */
export const responseTimeMetric: KnownMetric = { id: 'api_response_time', unit: 'seconds' }

/** The metric, or why there is none. */
export type ResponseTime = { measurement: Measurement } | { skipped: string }

const prometheusAnswer = z.object({
  status: z.literal('success'),
  data: z.union([
    z.object({
      resultType: z.literal('vector'),
      result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })),
    }),
    z.object({ resultType: z.literal('scalar'), result: z.tuple([z.number(), z.string()]) }),
  ]),
})

const posthogAnswer = z.object({ results: z.array(z.array(z.unknown())) })

/**
 * Asks the configured source how long the API takes to answer, in seconds: a Prometheus, which holds the histograms of
 * OpenTelemetry, or PostHog's query API.
 */
export async function readResponseTime(
  entry: ResponseTimeEntry | undefined,
  { reveal, timeoutMs }: { reveal: Reveal; timeoutMs: number },
): Promise<ResponseTime> {
  const { prometheus, posthog } = entry ?? {}
  try {
    if (prometheus) {
      const query = new URLSearchParams({ query: prometheus.query })
      const answer = await ask(`${prometheus.url}/api/v1/query?${query.toString()}`, {
        headers: prometheus.token ? bearer(reveal(prometheus.token)) : {},
        timeoutMs,
      })
      return measured(valueOfPrometheus(answer), 'Prometheus')
    }
    if (posthog) {
      const answer = await ask(`${posthog.host}/api/projects/${encodeURIComponent(posthog.project)}/query/`, {
        headers: { ...bearer(reveal(posthog.key)), 'content-type': 'application/json' },
        body: JSON.stringify({ query: { kind: 'HogQLQuery', query: posthog.query } }),
        timeoutMs,
      })
      const value = Number(posthogAnswer.parse(answer).results[0]?.[0] ?? NaN)
      return measured(posthog.unit === 'ms' ? value / 1_000 : value, 'PostHog')
    }
  } catch (error) {
    const source = prometheus ? 'Prometheus' : 'PostHog'
    return { skipped: `${source} does not say: ${reasonOf(error)}` }
  }
  return { skipped: 'not configured: PostgreSQL cannot see it; name a source in the file of alerts' }
}

function valueOfPrometheus(answer: unknown): number {
  const { data } = prometheusAnswer.parse(answer)
  if (data.resultType === 'scalar') return Number(data.result[1])
  if (data.result.length > 1)
    throw new AnswerError(`the query has ${data.result.length} results, and one is wanted`)
  return Number(data.result[0]?.value[1] ?? NaN)
}

/** Without requests there is no response time: Prometheus says NaN, PostHog null. */
function measured(value: number, source: string): ResponseTime {
  if (!Number.isFinite(value)) return { skipped: `${source} has seen no request lately` }
  return { measurement: { ...responseTimeMetric, value, labels: {} } }
}

const mostBytes = 1_000_000

async function ask(
  url: string,
  { headers, body, timeoutMs }: { headers: Record<string, string>; body?: string; timeoutMs: number },
): Promise<unknown> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'user-agent': 'hundredfold', ...headers },
    ...(body === undefined ? {} : { body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (!response.ok) {
    await response.body?.cancel().catch(() => undefined)
    throw new AnswerError(`it answers ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    length += chunk.length
    if (length > mostBytes) throw new AnswerError('its answer is far too long')
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new AnswerError('its answer is no JSON')
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

/** What an answer lacks, in words that hold nothing of the request. */
class AnswerError extends Error {}

function reasonOf(error: unknown): string {
  if (error instanceof AnswerError) return error.message
  if (error instanceof z.ZodError) return 'its answer has another shape'
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  return failureText(error)
}

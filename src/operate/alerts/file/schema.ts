import * as z from 'zod'
import { parseHours } from '../../../migrate/hours.ts'
import { parseDurationMs, parseQuantity } from '../quantity.ts'

/**
 * What stands in the file of alerts, as written. Every object is strict: a key that nobody knows is a typo.
 *
 * YAML reads `80` as a number and `80 %` as text, so that both are taken where a value with a unit is wanted.
 */
const text = z.string().trim().min(1)
const written = z.union([z.string(), z.number()], 'is no value with a unit').transform(String)

const quantity = written.transform((each, context) => {
  const parsed = parseQuantity(each)
  if (parsed) return parsed
  context.addIssue(`"${each}" is no value with a unit: write 80 %, 1s, 10 GB, 5/s or 12`)
  return z.NEVER
})

const durationMs = written.transform((each, context) => {
  const parsed = parseDurationMs(each)
  if (parsed !== undefined) return parsed
  context.addIssue(`"${each}" is no duration: write 30s, 5m, 4h or 7d`)
  return z.NEVER
})

/** A secret is never in the file: only the name of the variable that holds it. */
const secret = z.string('has to be a reference such as ${NAME}').transform((each, context) => {
  const name = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(each.trim())?.[1]
  if (name !== undefined) return { variable: name }
  // The value is not repeated: it may be the secret itself.
  context.addIssue(
    'has to be a reference such as ${NAME} to a variable of the environment, not the secret itself',
  )
  return z.NEVER
})

/** An address without a secret in it. */
const address = z.string().transform((each, context) => {
  const url = URL.parse(each)
  if (!url || !/^https?:$/.test(url.protocol)) {
    context.addIssue('is no http or https address')
    return z.NEVER
  }
  if (url.username !== '' || url.password !== '' || url.search !== '') {
    context.addIssue('may hold neither a password nor a query: secrets stay in the environment')
    return z.NEVER
  }
  return each.replace(/\/+$/, '')
})

const names = z.array(text).min(1)

export const severities = ['info', 'warning', 'critical'] as const
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

const alertSchema = z.strictObject({
  id: text
    .regex(/^[a-z0-9][a-z0-9_.-]*$/i, 'has letters, digits, dots, dashes and underscores only')
    .max(100),
  title: text.max(200).optional(),
  metric: text,
  labels: z.record(z.string(), written).default({}),
  above: quantity.optional(),
  below: quantity.optional(),
  recover: quantity.optional(),
  for: durationMs.default(0),
  absent: durationMs.optional(),
  repeat: durationMs.optional(),
  severity: z.enum(severities).default('warning'),
  receivers: names.optional(),
})

const receiverSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('stdout') }),
  z.strictObject({ type: z.literal('webhook'), url: secret, token: secret.optional() }),
  z.strictObject({
    type: z.literal('posthog'),
    host: address.default('https://us.i.posthog.com'),
    key: secret,
    distinct_id: text.default('hundredfold'),
  }),
  z.strictObject({
    type: z.literal('betterstack'),
    host: address.default('https://in.logs.betterstack.com'),
    token: secret,
  }),
])

/** A day, or a minute of a day, on the clock of the silence. */
const moment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$/, 'is no date: write 2027-12-24 or 2027-12-24T18:00')
  .refine(
    (each) => !Number.isNaN(Date.parse(each.length === 10 ? `${each}T00:00Z` : `${each}Z`)),
    'is no date',
  )

const silenceSchema = z.strictObject({
  reason: text,
  alerts: names.optional(),
  hours: z
    .string()
    .transform((each, context) => {
      const parsed = parseHours(each)
      if (parsed) return parsed
      context.addIssue(`"${each}" is no time of day: write 02:00-04:00, or 22:00-04:00 over midnight`)
      return z.NEVER
    })
    .optional(),
  days: z.array(z.enum(weekdays)).min(1).optional(),
  from: moment.optional(),
  to: moment.optional(),
  timezone: z.string().refine(isTimeZone, 'is no time zone: write a name such as Europe/Rome').default('UTC'),
})

const prometheusSchema = z.strictObject({
  url: address,
  query: text.default(
    'histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))',
  ),
  token: secret.optional(),
})

const posthogQuerySchema = z.strictObject({
  host: address.default('https://us.posthog.com'),
  project: written,
  key: secret,
  query: text,
  unit: z.enum(['ms', 's']),
})

export const fileSchema = z.strictObject({
  receivers: z.record(z.string(), receiverSchema).default({ stdout: { type: 'stdout' } }),
  api_response_time: z
    .strictObject({ prometheus: prometheusSchema.optional(), posthog: posthogQuerySchema.optional() })
    .optional(),
  silences: z.array(silenceSchema).default([]),
  alerts: z.array(alertSchema).min(1).max(5_000),
})

export type AlertFile = z.infer<typeof fileSchema>
export type AlertRule = z.infer<typeof alertSchema>
export type ReceiverEntry = z.infer<typeof receiverSchema>
export type Silence = z.infer<typeof silenceSchema>
export type Severity = (typeof severities)[number]
export type ResponseTimeEntry = NonNullable<AlertFile['api_response_time']>

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name })
    return true
  } catch {
    return false
  }
}

import { describe, expect, test } from 'vitest'
import { parseAlertFile, readAlertFile } from '../../../../src/operate/alerts/file/readAlertFile.ts'
import { revealSecrets } from '../../../../src/operate/alerts/file/secrets.ts'
import { planAlerts, planAlertsPath } from '../../../../src/operate/alerts/planAlerts.ts'
import { UsageError } from '../../../../src/errors.ts'

const metrics = [
  { id: 'api_response_time', unit: 'seconds' },
  { id: 'connection_usage', unit: 'percent' },
  { id: 'cache_hit_ratio_recent', unit: 'percent' },
] as const

const right = `receivers:
  slack:
    type: webhook
    url: \${SLACK_URL}
silences:
  - reason: nightly import
    hours: 02:00-04:00
    timezone: Europe/Rome
alerts:
  - id: connections
    metric: connection_usage
    labels:
      of: server
    above: 80 %
    recover: 75 %
    for: 1m
    receivers: [slack]
`

function refusal(text: string): UsageError {
  try {
    parseAlertFile(text, 'alerts.yaml', metrics)
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('the file was taken')
}

test('the file that comes with the package has the alerts of the plan, word for word', async () => {
  const file = await readAlertFile(planAlertsPath, metrics)
  expect(
    file.alerts.map(({ title, metric, above, below }) => [title, metric, (above ?? below)?.value]),
  ).toEqual([
    ['Alert if API response time >1s', 'api_response_time', 1],
    ['Alert if database connections >80%', 'connection_usage', 80],
    ['Alert if cache hit ratio <95%', 'cache_hit_ratio_recent', 95],
  ])
  expect(file.receivers).toEqual({ stdout: { type: 'stdout' } })
  expect(await planAlerts()).toContain('Alert if database connections >80%')
})

test('its examples are right once they are no comments any more', async () => {
  const text = (await planAlerts()).replace(/^( *)# ((?:[a-z_]+:| {2}|- reason).*)$/gm, '$1$2')
  // Both sources stand there as examples, and one is to be named.
  const withPrometheus = text.replace(/^ {2}posthog:\n {4}host: https:\/\/eu\.posthog[\s\S]*?unit: ms\n/m, '')
  const file = parseAlertFile(withPrometheus, 'plan.yaml', metrics)
  expect(Object.keys(file.receivers)).toEqual(['stdout', 'slack', 'posthog', 'logtail'])
  expect(file.silences).toHaveLength(1)
  expect(file.api_response_time?.prometheus?.url).toBe('http://localhost:9090')
})

test('values have units, and durations are milliseconds', () => {
  const [alert] = parseAlertFile(right, 'alerts.yaml', metrics).alerts
  expect(alert).toMatchObject({
    above: { value: 80, unit: 'percent' },
    recover: { value: 75, unit: 'percent' },
    for: 60_000,
    severity: 'warning',
  })
})

describe('a file with a mistake is refused with its line, its column and its key', () => {
  test.each([
    ['an unknown key', ['above:', 'abvoe:'], /line 14, column 5: alerts\[1\]\.abvoe: .*did you mean "above"/],
    [
      'an unknown key on top',
      ['silences:', 'silence:'],
      /line 5, column 1: silence: .*did you mean "silences"/,
    ],
    ['an unknown key of a receiver', ['url:', 'ulr:'], /line 4, column 5: receivers\.slack\.ulr: .*"url"/],
    ['an unknown key of a silence', ['hours:', 'hour:'], /line 7, column 5: silences\[1\]\.hour: .*"hours"/],
    [
      'an unknown metric',
      ['connection_usage', 'conection_usage'],
      /line 11, column 13: .*did you mean "connection_usage"/,
    ],
    [
      'an unknown receiver',
      ['[slack]', '[slak]'],
      /line 17, column 17: alerts\[1\]\.receivers\[1\]: .*"slack"/,
    ],
    [
      'an unknown type',
      ['type: webhook', 'type: webhok'],
      /line 3, column 11: receivers\.slack\.type: .*"webhook"/,
    ],
    [
      'an unknown time zone',
      ['Europe/Rome', 'Europe/Rom'],
      /line 8, column 15: silences\[1\]\.timezone: is no time zone/,
    ],
    ['a value without sense', ['80 %', 'lots'], /line 14, column 12: alerts\[1\]\.above: "lots" is no value/],
    [
      'the unit of another metric',
      ['80 %', '1s'],
      /line 14, column 12: .*connection_usage is per cent, such as 80 %/,
    ],
    [
      'a threshold that would recover at once',
      ['75 %', '85 %'],
      /line 15, column 14: alerts\[1\]\.recover: lies above/,
    ],
    ['two thresholds', ['for: 1m', 'below: 5 %'], /line 16, column 5: alerts\[1\]\.below: .*not both/],
    [
      'no threshold',
      ['    above: 80 %\n', ''],
      /line 10, column 5: alerts\[1\]: an alert needs above or below/,
    ],
    ['a duration without a unit', ['1m', '60'], /line 16, column 10: alerts\[1\]\.for: "60" is no duration/],
    [
      'a key twice',
      ['    for: 1m\n', '    for: 1m\n    for: 2m\n'],
      /line 17, column 5: not valid YAML: Map keys must be unique/,
    ],
    ['broken YAML', ['- id:', '- id: ['], /line 1\d, column \d+: not valid YAML/],
    [
      'no metric',
      ['    metric: connection_usage\n', ''],
      /line 10, column \d+: alerts\[1\]\.metric: is missing/,
    ],
    [
      'a silence for ever',
      ['    hours: 02:00-04:00\n', ''],
      /line 6, column \d+: silences\[1\]: a silence needs hours/,
    ],
  ] as const)('%s', (_, [from, to], expected) => {
    expect(right).toContain(from)
    const error = refusal(right.replace(from, to))
    expect(error.message).toMatch(expected)
    expect(error.message).toMatch(/^alerts\.yaml, line/)
    expect(error.exitCode).toBe(5)
  })

  test('an empty file', () => {
    expect(refusal('').message).toBe('alerts.yaml, line 1, column 1: alerts: is missing.')
    expect(refusal('alerts: []').message).toBe('alerts.yaml, line 1, column 1: alerts: may not be empty.')
  })

  test('the same id twice', () => {
    const twice = `${right}  - id: connections\n    metric: connection_usage\n    above: 90 %\n`
    expect(refusal(twice).message).toMatch(
      /line 18, column 9: alerts\[2\]\.id: "connections" is there already/,
    )
  })
})

test('a file that is not there is named', async () => {
  await expect(readAlertFile('missing.yaml', metrics)).rejects.toThrow(/Cannot read missing\.yaml: ENOENT/)
})

describe('secrets', () => {
  test('in the file are refused, and not repeated', () => {
    const error = refusal(right.replace('${SLACK_URL}', 'https://hooks.example.com/services/s3cret'))
    expect(error.message).toMatch(/line 4, column 10: receivers\.slack\.url: has to be a reference/)
    expect(`${error.message} ${error.next}`).not.toContain('s3cret')
    const host = refusal(
      right
        .replace('type: webhook', 'type: posthog\n    host: https://user:s3cret@example.com')
        .replace('url:', 'key:'),
    )
    expect(host.message).toMatch(/receivers\.slack\.host: may hold neither a password nor a query/)
    expect(host.message).not.toContain('s3cret')
  })

  test('that the environment lacks are all named at once', () => {
    const text = right.replace('type: webhook', 'type: webhook\n    token: ${SLACK_TOKEN}')
    const file = parseAlertFile(text, 'alerts.yaml', metrics)
    expect(() => revealSecrets(file, () => undefined)).toThrow(
      'SLACK_URL (receivers.slack.url), SLACK_TOKEN (receivers.slack.token)',
    )
  })

  test('that make no request are refused without their value', () => {
    const file = parseAlertFile(right, 'alerts.yaml', metrics)
    for (const value of ['s3cret', 'ftp://s3cret', 'http://a/ s3cret', 'http://a/\ns3cret']) {
      const attempt = () => revealSecrets(file, () => value)
      expect(attempt).toThrow(/The value of SLACK_URL/)
      expect(attempt).not.toThrow(/s3cret/)
    }
    expect(revealSecrets(file, () => 'https://example.com/s3cret')({ variable: 'SLACK_URL' })).toContain(
      's3cret',
    )
  })
})

import type { OtlpConfig } from '../config.ts'
import { UsageError, messageOf } from '../errors.ts'
import type { Round } from '../operate/monitor/round.ts'
import { parseTarget } from '../postgres/connect.ts'
import { errorCode } from '../postgres/sqlState.ts'
import { otlpMetrics } from '../report/otlpMetrics.ts'

/** Sends rounds by OTLP over HTTP. */
export interface OtlpSender {
  /** @throws an error that names the endpoint without its secrets */
  send(round: Round): Promise<void>
  close(): Promise<void>
}

/**
 * Makes OpenTelemetry's own exporter, which retries for ten seconds what may succeed later.
 *
 * @param url of the database, which the metrics are about
 * @throws UsageError where its packages are not installed, or the endpoint is no URL
 */
export async function otlpSender({ otlp, url }: { otlp: OtlpConfig; url: string }): Promise<OtlpSender> {
  const endpoint = placeOf(otlp.url)
  const { OTLPMetricExporter, resourceFromAttributes, sdk } = await loadOpenTelemetry()
  const exporter = new OTLPMetricExporter({ url: otlp.url, headers: otlp.headers })
  const { host, port, database } = parseTarget(url)
  const resource = resourceFromAttributes({
    'service.name': 'hundredfold',
    'server.address': host,
    'server.port': port,
    'db.system.name': 'postgresql',
    'postgresql.database.name': database,
    ...otlp.resourceAttributes,
    ...(otlp.serviceName === undefined ? {} : { 'service.name': otlp.serviceName }),
  })
  return {
    send: (round) =>
      new Promise((resolve, reject) =>
        exporter.export(otlpMetrics(round, resource, sdk), ({ code, error }) =>
          code === 0
            ? resolve()
            : reject(new Error(`${endpoint} did not take the metrics: ${messageOf(error)}`)),
        ),
      ),
    close: () => exporter.shutdown(),
  }
}

/** Where metrics go, without user, password and query. */
function placeOf(url: string): string {
  try {
    const { origin, pathname } = new URL(url)
    return `${origin}${pathname}`
  } catch {
    throw new UsageError(
      'The endpoint of OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is no URL.',
      'Write it as http://HOST:4318.',
    )
  }
}

async function loadOpenTelemetry() {
  try {
    const [{ OTLPMetricExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
      import('@opentelemetry/exporter-metrics-otlp-proto'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-metrics'),
    ])
    return { OTLPMetricExporter, resourceFromAttributes, sdk }
  } catch (error) {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError(
      "OpenTelemetry's exporter is not installed.",
      'Run `npm install @opentelemetry/exporter-metrics-otlp-proto @opentelemetry/resources @opentelemetry/sdk-metrics`.',
      { cause: error },
    )
  }
}

import { config as readDotenv } from 'dotenv'
import * as z from 'zod'
import { UsageError } from './errors.ts'

const blankIsAbsent = z.preprocess((value) => (value === '' ? undefined : value), z.string().optional())
const flag = z.preprocess((value) => value === '1' || value === 'true', z.boolean())

const environmentSchema = z.object({
  DIRECT_URL: blankIsAbsent,
  DATABASE_URL: blankIsAbsent,
  TEST_DATABASE_URL: blankIsAbsent,
  REDIS_URL: blankIsAbsent,
  REQUIRE_ENGINES: flag,
  HUNDREDFOLD_TEST_POSTGRES: blankIsAbsent,
  INDEX_ADVISOR_SQL: blankIsAbsent,
  npm_config_dry_run: flag,
  PATH: blankIsAbsent,
  OTEL_EXPORTER_OTLP_ENDPOINT: blankIsAbsent,
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: blankIsAbsent,
  OTEL_EXPORTER_OTLP_HEADERS: blankIsAbsent,
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: blankIsAbsent,
  OTEL_SERVICE_NAME: blankIsAbsent,
  OTEL_RESOURCE_ATTRIBUTES: blankIsAbsent,
})

/** Where `monitor` sends metrics by OpenTelemetry's protocol, by the variables of its specification. */
export interface OtlpConfig {
  /** The whole URL of the metrics. It may hold secrets: never print it. */
  url: string
  /** Never print one. */
  headers: Record<string, string>
  serviceName: string | undefined
  resourceAttributes: Record<string, string>
}

/** Everything that the environment decides. URLs hold passwords: never print one. */
export interface Config {
  /** Direct connection; migrations and diagnosis use it. */
  directUrl: string | undefined
  /** The application's connection, often a pooler. */
  databaseUrl: string | undefined
  /** A server on which tests may create databases. */
  testDatabaseUrl: string | undefined
  /** Where the application's cache is; `cache invalidate` uses it. */
  redisUrl: string | undefined
  /** A missing test engine fails instead of skipping. */
  requireEngines: boolean
  /** Major version of the embedded PostgreSQL that tests use; 18 where absent. */
  testPostgresVersion: number | undefined
  /** A file with the SQL of Supabase's index_advisor, which the bench compares with. */
  indexAdvisorSql: string | undefined
  /** npm swallowed a `--dry-run` that the user meant for us. */
  npmDryRun: boolean
  /** Folders to search for programs, in the format of PATH. */
  path: string
  /** Any other variable, for files that name a secret as `${NAME}`; undefined where it is empty. Never print one. */
  variable(name: string): string | undefined
  otlp: OtlpConfig
}

/** Reads the environment and a `.env` file; the environment wins. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const fromFile: Record<string, string> = {}
  readDotenv({ quiet: true, processEnv: fromFile })
  const all: Record<string, string | undefined> = { ...fromFile, ...environment }
  const parsed = environmentSchema.parse(all)
  return {
    directUrl: parsed.DIRECT_URL,
    databaseUrl: parsed.DATABASE_URL,
    testDatabaseUrl: parsed.TEST_DATABASE_URL,
    redisUrl: parsed.REDIS_URL,
    requireEngines: parsed.REQUIRE_ENGINES,
    testPostgresVersion: parsed.HUNDREDFOLD_TEST_POSTGRES
      ? Number(parsed.HUNDREDFOLD_TEST_POSTGRES)
      : undefined,
    indexAdvisorSql: parsed.INDEX_ADVISOR_SQL,
    npmDryRun: parsed.npm_config_dry_run,
    path: parsed.PATH ?? '',
    variable: (name) => (Object.hasOwn(all, name) && all[name] !== '' ? all[name] : undefined),
    otlp: {
      url: parsed.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? metricsUrl(parsed.OTEL_EXPORTER_OTLP_ENDPOINT),
      headers: {
        ...parsePairs(parsed.OTEL_EXPORTER_OTLP_HEADERS),
        ...parsePairs(parsed.OTEL_EXPORTER_OTLP_METRICS_HEADERS),
      },
      serviceName: parsed.OTEL_SERVICE_NAME,
      resourceAttributes: parsePairs(parsed.OTEL_RESOURCE_ATTRIBUTES),
    },
  }
}

/** Only the endpoint of all signals gets a path of its own for metrics. */
function metricsUrl(endpoint = 'http://localhost:4318'): string {
  return `${endpoint.replace(/\/$/, '')}/v1/metrics`
}

/** `key=value,key=value`, percent-encoded; what is no pair is left out. */
function parsePairs(text = ''): Record<string, string> {
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part.trim())
    } catch {
      return part.trim()
    }
  }
  return Object.fromEntries(
    text.split(',').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at < 1 ? [] : [[decode(pair.slice(0, at)), decode(pair.slice(at + 1))]]
    }),
  )
}

/** The URL for work that needs a session of its own: `DIRECT_URL`, else `DATABASE_URL`. */
export function sessionUrl(config: Config): string {
  const url = config.directUrl ?? config.databaseUrl
  if (url) return url
  throw new UsageError(
    'No database is configured: DIRECT_URL and DATABASE_URL are both empty.',
    'Set DIRECT_URL in the environment or in .env (see .env.example), or run `npm run demo`, which needs no database.',
  )
}

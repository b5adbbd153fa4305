/** The package has no types of its own. */
declare module 'parse-prometheus-text-format' {
  interface MetricFamily {
    name: string
    help: string
    /** `GAUGE`, `COUNTER` ... */
    type: string
    metrics: { value: string; labels?: Record<string, string> }[]
  }
  export default function parsePrometheusTextFormat(text: string): MetricFamily[]
}

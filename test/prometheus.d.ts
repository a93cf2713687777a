// What tests use of a parser of Prometheus's text format that has no types of its own.
declare module "parse-prometheus-text-format" {
  export interface Metric {
    name: string;
    help: string;
    type: string;
    metrics: { value: string; labels?: Record<string, string> }[];
  }
  export default function parsePrometheusTextFormat(text: string): Metric[];
}

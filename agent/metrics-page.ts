import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { type AgentStats, selfReadings, selfSpecs } from './self-metrics.ts'

/**
 * Serves `/metrics` and `/healthz` on a loopback address (the settings accept no other). Loaded only when it is asked
 * for: prom-client costs memory that most agents have no use for. Rejects where the address cannot be had.
 */
export function startMetricsPage(address: { readonly host: string; readonly port: number }, stats: () => AgentStats): Promise<Server> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauges = new Map<string, Gauge | Counter>()
  for (const { name, help, kind, labels } of selfSpecs) {
    const settings = { name, help, labelNames: [...labels], registers: [registry] }
    gauges.set(name, kind === 'counter' ? new Counter(settings) : new Gauge(settings))
  }
  const refresh = (): void => {
    for (const metric of gauges.values()) metric.reset()
    for (const { spec, values, value } of selfReadings(stats())) {
      const labels = Object.fromEntries(spec.labels.map((label, index) => [label, values[index] ?? '']))
      gauges.get(spec.name)?.inc(labels, value)
    }
  }
  const server = createServer((request, response) => {
    if (request.method !== 'GET') response.writeHead(405).end()
    else if (request.url === '/healthz') response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
    else if (request.url === '/metrics') {
      refresh()
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    } else response.writeHead(404).end()
  })
  server.requestTimeout = 10_000
  server.headersTimeout = 10_000
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(`metrics: cannot listen on ${address.host}:${address.port}`, { cause })))
    server.listen(address.port, address.host, () => resolve(server))
  })
}

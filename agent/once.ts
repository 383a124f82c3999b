import { METRIC_NAME, type Labels, type SeriesSpec } from '../protocol/series.ts'
import { bitsOf, isStale } from '../protocol/stale.ts'
import type { Host } from './host.ts'
import { createCollector } from './sources/schedule.ts'
import type { Source } from './sources/source.ts'

/** No machine comes near this in one reading; it only keeps a broken one from filling the memory. */
const MOST_SERIES = 100_000

interface Sample {
  readonly labels: Labels
  readonly value: number
}

function escapeValue(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

/**
 * Samples as Prometheus text exposition, one block a metric in the order of names, series in the order of their labels.
 * Metrics without a sample are left out. Source: prometheus.io, exposition formats, "Text-based format".
 */
export function exposition(specs: readonly SeriesSpec[], samples: readonly Sample[]): string {
  const lines = new Map<string, string[]>()
  for (const { labels, value } of samples) {
    const name = labels[METRIC_NAME] ?? ''
    const pairs = Object.entries(labels).filter(([label]) => label !== METRIC_NAME)
    const text = pairs.map(([label, content]) => `${label}="${escapeValue(content)}"`).join(',')
    const line = `${name}${text === '' ? '' : `{${text}}`} ${numberText(value)}`
    const block = lines.get(name)
    if (block === undefined) lines.set(name, [line])
    else block.push(line)
  }
  let output = ''
  for (const spec of [...specs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const block = lines.get(spec.name)
    if (block === undefined) continue
    const help = spec.help.replace(/[\\\n]/g, (character) => (character === '\n' ? '\\n' : '\\\\'))
    output += `# HELP ${spec.name} ${help}\n# TYPE ${spec.name} ${spec.kind}\n${block.sort().join('\n')}\n`
  }
  return output
}

/**
 * Reads every source once, waiting for the slow ones as long as each of them may take, and writes the readings as
 * Prometheus text. Gives what went wrong, one line a source; empty when nothing did.
 */
export async function once(host: Host, sources: readonly Source[], write: (text: string) => void, version?: string): Promise<readonly string[]> {
  const longestMs = Math.max(0, ...sources.map((source) => source.timeoutMs))
  const collector = createCollector({
    host,
    sources,
    intervalMs: 60_000,
    disabled: [],
    seriesLimit: MOST_SERIES,
    graceMs: longestMs + 500,
    ...(version === undefined ? {} : { version }),
  })
  const reading = await collector.tick(host.now(), new AbortController().signal)
  const samples: Sample[] = []
  for (const { group, values } of reading.rows) {
    const bits = bitsOf(values)
    for (const [column, labels] of collector.columns(group).entries()) {
      const value = values[column]
      if (value !== undefined && !isStale(bits, column)) samples.push({ labels, value })
    }
  }
  write(exposition(collector.specs, samples))
  return reading.events.filter((event) => event.kind === 'source-failed').map((event) => event.text)
}

import type { FileSystemSizes, Host, RecordReader, RunResult } from '../agent/host.ts'
import type { SeriesRef, Sink } from '../agent/sources/source.ts'
import type { CheckResult, Event, Fact } from '../protocol/events.ts'
import { type SeriesSpec, seriesText } from '../protocol/series.ts'
import type { Duplex } from 'node:stream'

/** What a `memoryHost` is made of; every part may be changed by the test while it runs. */
export interface MemoryMachine {
  /** File texts by absolute path; folders follow from the paths. */
  files?: Record<string, string>
  links?: Record<string, string>
  statfs?: (path: string) => Promise<FileSystemSizes>
  run?: (argv: readonly string[]) => RunResult | Promise<RunResult>
  connectUnix?: (path: string) => Duplex
  openRecords?: (path: string) => RecordReader
  now?: () => number
}

function notThere(path: string, call: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${call} '${path}'`), { code: 'ENOENT' })
}

/** A machine in memory, for what a recorded folder cannot do: hang, fail, answer differently the second time. */
export function memoryHost(machine: MemoryMachine): Host & { readonly ran: (readonly string[])[] } {
  const ran: (readonly string[])[] = []
  const files = (): [string, string][] => Object.entries(machine.files ?? {})
  const names = (path: string): string[] => {
    const found = new Set<string>()
    for (const [name] of [...files(), ...Object.entries(machine.links ?? {})]) {
      if (name.startsWith(`${path}/`)) found.add(name.slice(path.length + 1).split('/')[0]!)
    }
    return [...found]
  }
  const read = (path: string): string => {
    const text = machine.files?.[path]
    if (text === undefined) throw notThere(path, 'open')
    return text
  }
  return {
    ran,
    read,
    readSlow: (path) => Promise.resolve().then(() => read(path)),
    list(path) {
      const found = names(path)
      if (found.length === 0) throw notThere(path, 'scandir')
      return found
    },
    readLink(path) {
      const target = machine.links?.[path]
      if (target === undefined) throw notThere(path, 'readlink')
      return target
    },
    exists: (path) => machine.files?.[path] !== undefined || machine.links?.[path] !== undefined || names(path).length > 0,
    statfs: machine.statfs,
    run: (argv) => {
      ran.push(argv)
      return Promise.resolve(machine.run?.(argv) ?? { kind: 'missing' })
    },
    connectUnix: machine.connectUnix,
    openRecords: machine.openRecords,
    now: machine.now ?? (() => 1_795_000_000_000),
  }
}

/** A run that ended by itself. */
export function exited(stdout: string, code = 0, stderr = ''): RunResult {
  return { kind: 'exited', code, stdout, stderr }
}

/** Keeps what a source put: samples by their PromQL text, events, facts, checks. */
export function recordingSink(): Sink & { samples: Record<string, number>; events: Event[]; facts: Fact[]; checks: CheckResult[] } {
  const names: string[] = []
  const refs = new Map<string, number>()
  const sink = {
    samples: {} as Record<string, number>,
    events: [] as Event[],
    facts: [] as Fact[],
    checks: [] as CheckResult[],
    series(spec: SeriesSpec, ...values: readonly string[]): SeriesRef {
      if (values.length !== spec.labels.length) throw new Error(`${spec.name} has labels ${spec.labels.join()}, got ${values.length} values`)
      const labels: Record<string, string> = { __name__: spec.name }
      spec.labels.forEach((label, index) => {
        if (values[index] !== '') labels[label] = values[index]!
      })
      const text = seriesText(labels)
      let ref = refs.get(text)
      if (ref === undefined) {
        ref = names.push(text) - 1
        refs.set(text, ref)
      }
      return ref as SeriesRef
    },
    sample(series: SeriesRef, value: number): void {
      const name = names[series]!
      if (name in sink.samples) throw new Error(`${name} was put twice`)
      sink.samples[name] = value
    },
    event: (event: Event) => void sink.events.push(event),
    fact: (fact: Fact) => void sink.facts.push(fact),
    check: (check: CheckResult) => void sink.checks.push(check),
  }
  return sink
}

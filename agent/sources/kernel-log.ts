import type { Host, RecordReader } from '../host.ts'
import { type EventCounts, eventsTotal, putCounts } from './event-counts.ts'
import { type KernelFault, classify, kernelClasses, parseRecord } from './kernel-message.ts'
import { type Sink, ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const PATH = '/dev/kmsg'
/** Records read in one tick; a longer burst is read on in the next, and the kernel keeps it until then. */
const RECORDS_PER_TICK = 5_000
/**
 * How old a record may be when the agent starts. What killed the agent, or happened while it was restarted, is still told;
 * what was told before is not told again days later.
 */
const LOOK_BACK_MS = 60_000

/** A fault as one record tells it. */
interface Told {
  readonly fault: KernelFault
  readonly microseconds: number
  readonly text: string
}

interface Seen {
  readonly fault: KernelFault
  readonly at: number
  readonly text: string
  count: number
}

/** What is kept about one host between ticks. */
interface Kept {
  reader: RecordReader | undefined
  readonly counts: EventCounts
  /** Faults found before the counters were first written at 0: told one tick later, so that they show as an increase. */
  pending: readonly Seen[]
  /** Taken from the log by `waits`, and not yet told. */
  ahead: readonly Told[]
}

const keptByHost = new WeakMap<Host, Kept>()

/** Faults among the records that wait now, oldest first; it ends where none waits or after enough of them. */
function* faultsIn(reader: RecordReader): Generator<Told, void, undefined> {
  for (let records = 0; records < RECORDS_PER_TICK; records++) {
    const next = reader.next()
    if (next.kind === 'none') return
    if (next.kind === 'lost') continue
    const record = parseRecord(next.text)
    const fault = record === undefined ? undefined : classify(record.text)
    if (record !== undefined && fault !== undefined) yield { fault, microseconds: record.microseconds, text: record.text }
  }
}

/** Same class and object within one read is one event that says how often: a dying disk writes a thousand lines a second. */
function together(list: Iterable<Told>, bootedAt: number, notBefore: number): readonly Seen[] {
  const seen = new Map<string, Seen>()
  for (const { fault, microseconds, text } of list) {
    const at = Math.round(bootedAt + microseconds / 1000)
    if (at < notBefore) continue
    const key = `${fault.class.kind}\n${fault.class.rule}\n${fault.object}`
    const before = seen.get(key)
    if (before === undefined) seen.set(key, { fault, at, text, count: 1 })
    else before.count++
  }
  return [...seen.values()]
}

function tell(out: Sink, counts: EventCounts, faults: readonly Seen[]): void {
  for (const { fault, at, text, count } of faults) {
    counts.set(fault.class, (counts.get(fault.class) ?? 0) + count)
    const labels: Record<string, string> = fault.object === '' ? {} : { [fault.label]: fault.object }
    if (count > 1) labels['count'] = String(count)
    out.event({ ...fault.class, at, text, labels })
  }
}

/**
 * Faults that only the kernel log tells: OOM kills (older kernels have no counter of them), I/O and file system errors,
 * tasks that hang, hardware errors, file systems turned read-only. Absent where /dev/kmsg may not be read.
 *
 * The device can be polled, but nothing in Node waits for it: a read that blocks would keep a thread of the pool, and the
 * agent could not end. So `waits` looks, which costs one read that finds nothing (docs/decisions/alerting.md).
 */
export const kernelLog = stepped({
  name: 'kernel-log',
  cadence: 'push',
  timeoutMs: 2_000,
  series: [eventsTotal],
  waits(host) {
    const kept = keptByHost.get(host)
    if (kept?.reader === undefined) return false
    if (kept.pending.length > 0 || kept.ahead.length > 0) return true
    try {
      for (const told of faultsIn(kept.reader)) {
        kept.ahead = [told]
        return true
      }
      return false
    } catch {
      // The read meets the same error and reports it.
      return true
    }
  },
  *steps(host, out) {
    if (host.openRecords === undefined) return { kind: 'absent', why: `${PATH} cannot be opened on this kind of host` }
    let kept = keptByHost.get(host)
    if (kept === undefined) {
      kept = { reader: undefined, counts: new Map(kernelClasses.map((of) => [of, 0])), pending: [], ahead: [] }
      keptByHost.set(host, kept)
    }
    const now = host.now()
    const uptimeSeconds = Number((yield* settled(host.read('/proc/uptime'))).split(' ')[0])
    const bootedAt = now - uptimeSeconds * 1000
    const first = kept.reader === undefined
    if (kept.reader === undefined) {
      try {
        kept.reader = host.openRecords(PATH)
      } catch (error) {
        return { kind: 'absent', why: `${PATH} cannot be read: ${error instanceof Error ? error.message : String(error)}` }
      }
    }
    tell(out, kept.counts, kept.pending)
    kept.pending = []
    const list = [...kept.ahead, ...faultsIn(kept.reader)]
    kept.ahead = []
    const faults = together(list, bootedAt, first ? now - LOOK_BACK_MS : Number.NEGATIVE_INFINITY)
    if (first) kept.pending = faults
    else tell(out, kept.counts, faults)
    putCounts(out, kept.counts)
    return ok
  },
})

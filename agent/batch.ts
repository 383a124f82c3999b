import type { CheckResult, Event, Fact } from '../protocol/events.ts'
import type { Batch, Row } from '../protocol/batch.ts'
import { MAX_MESSAGE_BYTES } from '../protocol/messages.ts'
import type { Labels } from '../protocol/series.ts'

/** A batch before the spool has numbered it. */
export type BatchBody = Omit<Batch, 'seq'>

/** A batch with the columns its rows need: `columns(group)` has at least as many label sets as the group's widest row. */
export interface ColumnedBatch {
  readonly batch: Batch
  readonly columns: (group: string) => readonly Labels[]
}

/** What one tick of the sources yields. */
export interface ReadingBody {
  readonly rows: readonly Row[]
  readonly events: readonly Event[]
  readonly facts: readonly Fact[]
  readonly checks: readonly CheckResult[]
}

/** Left over for the envelope and for what the estimates below do not see. */
const ROOM = MAX_MESSAGE_BYTES - 64 * 1024
/** Definitions of one carried group: at most this many bytes, so that a row and its definition always fit one message. */
const GROUP_BYTES = 384 * 1024
const GROUP_COLUMNS = 30_000
/** The collector's schema in `messages.ts`: what is longer there would cost the whole batch. */
const LONGEST = { word: 200, text: 16_384, labelName: 200, labelValue: 2_000, factBytes: 512 * 1024, time: 8.64e15 }
const MOST = { events: 10_000, facts: 1_000, checks: 10_000 }
/** Most bytes of one packed cell (`columns.ts`: a raw float64 with its escape and gap). */
const CELL_BYTES = 12

/** Cells of all rows: how many samples a batch holds. */
export function countSamples(rows: readonly Row[]): number {
  let samples = 0
  for (const row of rows) samples += row.values.length
  return samples
}

/** Everything in a batch that is no sample. */
export function countOthers(body: Pick<BatchBody, 'events' | 'facts' | 'checks'>): number {
  return body.events.length + body.facts.length + body.checks.length
}

function cut(value: string, longest: number): string {
  return value.length <= longest ? value : `${value.slice(0, longest - 1)}…`
}

function word(value: string): string {
  return value === '' ? 'unknown' : cut(value, LONGEST.word)
}

function time(at: number): number {
  return Number.isFinite(at) ? Math.min(LONGEST.time, Math.max(0, Math.round(at))) : 0
}

function cutLabels(labels: Labels): Labels {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(labels)) out[cut(name, LONGEST.labelName)] = cut(value, LONGEST.labelValue)
  return out
}

function textBytes(value: string): number {
  return Buffer.byteLength(value) + 5
}

function labelBytes(labels: Labels): number {
  let bytes = 3
  for (const name in labels) bytes += textBytes(name) + textBytes(labels[name] ?? '')
  return bytes
}

/** One of the groups under which a group of the sources travels. */
interface Part {
  readonly name: string
  /** Index in the sources' group of this part's first column. */
  readonly from: number
  readonly columns: Labels[]
  bytes: number
}

export interface Batcher {
  /**
   * A reading as one batch; as several where one message would be larger than the link allows. Texts longer than the
   * schema allows are cut, so that no single entry makes the collector refuse its neighbours. `tooLarge` counts facts
   * left out because their value is too long to send at all.
   */
  split(reading: ReadingBody): { readonly bodies: readonly BatchBody[]; readonly tooLarge: number }
  /** Columns of a group as it travels. */
  columns(group: string): readonly Labels[]
}

/**
 * Makes batches of the readings of one run. A group whose definition would not fit one message (some 4,000 columns)
 * travels as several: `tick`, `tick.2`, …; a column keeps its place for as long as the agent runs.
 */
export function createBatcher(columnsOf: (group: string) => readonly Labels[]): Batcher {
  const parts = new Map<string, Part[]>()
  const byName = new Map<string, Part>()

  const add = (group: string, known: Part[], from: number): Part => {
    const part: Part = { name: known.length === 0 ? group : `${group}.${known.length + 1}`, from, columns: [], bytes: 0 }
    known.push(part)
    byName.set(part.name, part)
    return part
  }
  const partsOf = (group: string, width: number): readonly Part[] => {
    const known = parts.get(group) ?? []
    parts.set(group, known)
    const columns = columnsOf(group)
    let last = known[known.length - 1] ?? add(group, known, 0)
    for (let i = last.from + last.columns.length; i < width; i++) {
      const labels = cutLabels(columns[i] ?? {})
      const bytes = labelBytes(labels)
      if (last.bytes + bytes > GROUP_BYTES || last.columns.length >= GROUP_COLUMNS) last = add(group, known, i)
      last.columns.push(labels)
      last.bytes += bytes
    }
    return known
  }

  return {
    columns: (group) => byName.get(group)?.columns ?? [],
    split(reading) {
      const bodies: BatchBody[] = []
      let tooLarge = 0
      let open = { rows: [] as Row[], events: [] as Event[], facts: [] as Fact[], checks: [] as CheckResult[] }
      let bytes = 0
      const close = (): void => {
        if (open.rows.length + countOthers(open) > 0) bodies.push(open)
        open = { rows: [], events: [], facts: [], checks: [] }
        bytes = 0
      }
      const room = (need: number, full: boolean): void => {
        if (full || bytes + need > ROOM) close()
        bytes += need
      }

      for (const row of reading.rows) {
        for (const part of partsOf(row.group, row.values.length)) {
          const values = row.values.subarray(part.from, part.from + part.columns.length)
          if (values.length === 0) continue
          // A definition is sent once a connection, but any batch may be the first of one.
          room(32 + part.bytes + values.length * CELL_BYTES, false)
          open.rows.push({ group: part.name, at: row.at, values })
        }
      }
      for (const event of reading.events) {
        const short = { kind: word(event.kind), rule: cut(event.rule, LONGEST.word), severity: event.severity, at: time(event.at), text: cut(event.text, LONGEST.text), labels: cutLabels(event.labels) }
        room(64 + textBytes(short.kind) + textBytes(short.rule) + textBytes(short.text) + labelBytes(short.labels), open.events.length >= MOST.events)
        open.events.push(short)
      }
      for (const fact of reading.facts) {
        const size = Buffer.byteLength(fact.json)
        if (size > LONGEST.factBytes) {
          tooLarge++
          continue
        }
        room(64 + textBytes(fact.name) + size, open.facts.length >= MOST.facts)
        open.facts.push({ name: word(fact.name), at: time(fact.at), json: fact.json })
      }
      for (const check of reading.checks) {
        const short = { check: word(check.check), at: time(check.at), verdict: check.verdict, text: cut(check.text, LONGEST.text) }
        room(64 + textBytes(short.check) + textBytes(short.text), open.checks.length >= MOST.checks)
        open.checks.push(short)
      }
      close()
      return { bodies, tooLarge }
    },
  }
}

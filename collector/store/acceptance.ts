/**
 * Which batches of which stream and spool epoch are durable. In memory all of them; on disk in `accepted` up to the last
 * time log rows were removed, and beyond that in the log rows themselves, so an accepted batch costs no write of its own.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { SeqRanges } from '../../protocol/batch.ts'
import { addSeq, hasSeq, toSeqRanges, type Ranges } from './ranges.ts'
import { numberOf, textOf } from './schema.ts'

/** Epochs remembered per stream. A replay of an older one would be taken again; agents have one at a time. */
export const EPOCHS_KEPT = 8

export interface Acceptance {
  has(stream: string, epoch: string, seq: number): boolean
  add(stream: string, epoch: string, seq: number): void
  ranges(stream: string, epoch: string): SeqRanges
  /** Writes what changed since the last time, inside the caller's transaction; call the result after it. */
  write(): () => void
}

interface Epoch {
  readonly stream: string
  readonly epoch: string
  readonly ranges: Ranges
  /** Order in which epochs were last used. */
  used: number
}

/** Reads the table; the log's batches are added by the replay. */
export function loadAcceptance(db: DatabaseSync): Acceptance {
  const streams = new Map<string, Map<string, Epoch>>()
  const changed = new Set<Epoch>()
  const dropped = new Set<Epoch>()
  let clock = 0
  const put = db.prepare('INSERT INTO accepted (stream, epoch, used, ranges) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used = excluded.used, ranges = excluded.ranges')
  const drop = db.prepare('DELETE FROM accepted WHERE stream = ? AND epoch = ?')

  for (const row of db.prepare('SELECT stream, epoch, used, ranges FROM accepted ORDER BY used').iterate()) {
    const entry: Epoch = { stream: textOf(row, 'stream'), epoch: textOf(row, 'epoch'), ranges: parseRanges(textOf(row, 'ranges')), used: numberOf(row, 'used') }
    clock = Math.max(clock, entry.used)
    const epochs = streams.get(entry.stream) ?? new Map<string, Epoch>()
    streams.set(entry.stream, epochs.set(entry.epoch, entry))
  }

  const forgetOldest = (epochs: Map<string, Epoch>): void => {
    let oldest: Epoch | undefined
    for (const each of epochs.values()) if (oldest === undefined || each.used < oldest.used) oldest = each
    if (oldest === undefined) return
    epochs.delete(oldest.epoch)
    changed.delete(oldest)
    dropped.add(oldest)
  }

  return {
    has(stream, epoch, seq) {
      const entry = streams.get(stream)?.get(epoch)
      return entry !== undefined && hasSeq(entry.ranges, seq)
    },
    add(stream, epoch, seq) {
      let epochs = streams.get(stream)
      if (epochs === undefined) streams.set(stream, (epochs = new Map<string, Epoch>()))
      let entry = epochs.get(epoch)
      if (entry === undefined) {
        if (epochs.size >= EPOCHS_KEPT) forgetOldest(epochs)
        entry = { stream, epoch, ranges: [], used: 0 }
        epochs.set(epoch, entry)
      }
      addSeq(entry.ranges, seq)
      entry.used = ++clock
      changed.add(entry)
    },
    ranges: (stream, epoch) => toSeqRanges(streams.get(stream)?.get(epoch)?.ranges ?? []),
    write() {
      const gone = [...dropped]
      const fresh = [...changed]
      for (const entry of gone) drop.run(entry.stream, entry.epoch)
      for (const entry of fresh) put.run(entry.stream, entry.epoch, entry.used, JSON.stringify(entry.ranges))
      return () => {
        for (const entry of gone) dropped.delete(entry)
        for (const entry of fresh) changed.delete(entry)
      }
    },
  }
}

function parseRanges(json: string): Ranges {
  const parsed: unknown = JSON.parse(json)
  if (!Array.isArray(parsed) || !parsed.every((each) => typeof each === 'number')) throw new TypeError('store: accepted ranges are damaged')
  return parsed
}

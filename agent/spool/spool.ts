/**
 * The bounded queue between the sources and the link: what has been read and not yet been acknowledged.
 *
 * Folder:
 * ```
 * epoch                  {epoch, reserved, bootId}: names the numbering; every number below `reserved` may be in use
 * done                   {epoch, done: ranges}: acknowledged or given up, never to be sent again (both: JSON and its CRC-32)
 * 0000000000000001.seg   batches from that number on (segment.ts); the last one is written to, the others are final
 * ```
 *
 * Promises
 * 1. A number stands for one content for ever. Numbers are reserved on disk in blocks; after anything but a clean stop
 *    in the same boot the rest of the block is skipped, because a batch of that number may have been sent and lost here.
 * 2. `append` has written the batch to the kernel before it returns, so `kill -9` loses nothing that may be sent. Data
 *    reach the disk by fdatasync at most once a second (`sync`), which the agent calls for what is not acknowledged by the
 *    next tick, and at once while it has no connection: a power cut may lose the last tick's batches, which the collector
 *    then either has or has not; by promise 1 it confuses nothing. More often would cost a disk flush on machines whose
 *    disks we watch, to save seconds of samples of a machine that was without power.
 * 3. It opens after any crash: a torn tail is cut, damaged records are skipped and counted.
 * 4. It takes at most `maxBytes`. Beyond it the oldest segments lose their samples first; events, facts and check
 *    results go only when no segment holds samples any more. Whatever is lost is counted.
 * 5. A disk that refuses costs durability, not delivery: batches wait in memory (bounded the same way) and are written
 *    down when it takes them again. What lies on it is given up only when memory is full too.
 */
import * as z from 'zod/mini'
import type { Batch, SeqRanges } from '../../protocol/batch.ts'
import type { Labels } from '../../protocol/series.ts'
import { type BatchBody, type ColumnedBatch, countOthers, countSamples } from '../batch.ts'
import { crc32 } from './crc32.ts'
import type { SpoolFiles } from './files.ts'
import { contains, largest, size as countOf, subtract, union } from './ranges.ts'
import { batchRecord, defineRecord, readEntry, type Scan, scanSegment, seqsOf } from './segment.ts'

/** Numbers reserved at a time; a new block is taken when half is used, 8 hours ahead at 15 s, so that a full disk has time to be emptied. */
const RESERVE = 4096
/** Batches kept in memory while the disk refuses; beyond it the oldest lose their samples. */
const MEMORY_BATCHES = 64
/** Of those without samples, this many: beyond it the oldest are gone. */
const MEMORY_OTHERS = 1024

export interface SpoolOptions {
  readonly files: SpoolFiles
  readonly maxBytes: number
  /** A segment is closed when it reaches this size: the unit in which space is given back. */
  readonly segmentBytes: number
  /** /proc/sys/kernel/random/boot_id: tells a crash of the program from one of the machine. */
  readonly bootId: string
  /** Draws a new epoch's name where the folder has none. */
  readonly newEpoch: () => string
}

/** Running totals since start, for metrics. */
export interface SpoolCounts {
  appended: number
  /** Given up for lack of room. */
  droppedSamples: number
  /** Batches of which nothing was left. */
  droppedBatches: number
  /** Events, facts and check results given up for lack of room. */
  droppedOthers: number
  /** Stretches of bytes on disk that were no record, and records that could not be read back. */
  damaged: number
  /** Operations that the disk refused. */
  diskErrors: number
}

export interface SpoolState {
  readonly bytes: number
  readonly segments: number
  /** Batches not acknowledged, those in memory included. */
  readonly pending: number
  /** Of those, the ones that only memory holds. */
  readonly inMemory: number
}

export interface Spool {
  readonly epoch: string
  readonly counts: Readonly<SpoolCounts>
  /** Number the next batch will get. */
  next(): number
  /** Numbers a batch and keeps it. Never throws for what the disk does: see promise 5. */
  append(body: BatchBody, columns: (group: string) => readonly Labels[]): ColumnedBatch
  /** These need never be sent again: they are durable elsewhere, or were refused for good. */
  done(ranges: SeqRanges): void
  /** The batch appended last in this run, while it is pending. */
  newest(): ColumnedBatch | undefined
  /** The pending batch with the smallest number that is not in `except`. */
  oldest(except: SeqRanges): ColumnedBatch | undefined
  /** Everything below is in use by somebody: the collector knows of numbers that this folder does not (it was rolled back). */
  skipTo(next: number): void
  /** Puts what was appended on disk, unless that was done less than a second ago. */
  sync(nowMs: number): Promise<void>
  state(): SpoolState
  /** Writes the acknowledged numbers down and marks a clean stop. */
  close(): Promise<void>
}

interface Segment {
  readonly name: string
  seqs: SeqRanges
  bytes: number
  samples: boolean
  readonly columns: Map<string, number>
}

const epochFile = z.object({ epoch: z.string().check(z.minLength(1)), reserved: z.int(), next: z.optional(z.int()), bootId: z.string() })
const doneFile = z.object({ epoch: z.string(), done: z.array(z.tuple([z.int(), z.int()])) })

/** A small file as a line of JSON and a line with its CRC-32 in hex, padded so that a rewrite in place needs no new space. */
function sealed(value: unknown): Uint8Array {
  const line = `${JSON.stringify(value)}\n`
  return Buffer.from(`${line}${crc32(Buffer.from(line)).toString(16)}\n`.padEnd(256))
}

function unseal<T extends z.ZodMiniType>(files: SpoolFiles, name: string, schema: T): z.infer<T> | undefined {
  if (!files.list().includes(name)) return undefined
  const [line = '', sum] = Buffer.from(files.read(name)).toString('utf8').split('\n')
  // Half-written by a power cut, or damaged: as good as missing.
  if (sum !== crc32(Buffer.from(`${line}\n`)).toString(16)) return undefined
  const parsed = schema.safeParse(JSON.parse(line))
  return parsed.success ? parsed.data : undefined
}

function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.seg`
}

/**
 * Opens a spool's folder, repairing what a crash left. Throws only where the folder cannot be read. Where its numbers
 * cannot be reserved (a read-only or broken disk) it works in memory under an epoch of its own and leaves the folder as
 * it is; on a full disk the reservation is written in place, which needs no room.
 */
export function openSpool(options: SpoolOptions): Spool {
  const { files, maxBytes, segmentBytes } = options
  const counts: SpoolCounts = { appended: 0, droppedSamples: 0, droppedBatches: 0, droppedOthers: 0, damaged: 0, diskErrors: 0 }
  const segments: Segment[] = []
  let active: Segment | undefined
  /** Not on disk yet, ascending; empty while the disk works. */
  let memory: ColumnedBatch[] = []
  let last: ColumnedBatch | undefined
  let dirty = false
  let syncedAt = -Infinity
  let doneDirty = false
  /** The segment read last, for `oldest`: backlog is read batch by batch. Only final segments are kept here. */
  let cached: { readonly segment: Segment; readonly bytes: Uint8Array; readonly scan: Scan } | undefined

  for (const name of files.list()) if (name.endsWith('.tmp')) files.remove(name)
  const names = files.list().filter((name) => /^\d{16}\.seg$/.test(name)).sort()
  const stored = unseal(files, 'epoch', epochFile)
  if (stored === undefined && names.length > 0) {
    // Without its epoch nobody can say whether these were accepted; sending them under a new one could store them twice.
    counts.damaged++
    for (const name of names) {
      for (const entry of scanSegment(files.read(name)).entries) {
        counts.droppedSamples += entry.samples
        counts.droppedOthers += entry.others
        counts.droppedBatches++
      }
      files.remove(name)
    }
    names.length = 0
  }
  let epoch = stored?.epoch ?? options.newEpoch()
  const knownDone = unseal(files, 'done', doneFile)
  let done: SeqRanges = knownDone !== undefined && knownDone.epoch === epoch ? union([], knownDone.done) : []
  let damagedAtOpen = 0
  for (const name of names) {
    const bytes = files.read(name)
    const scan = scanSegment(bytes)
    damagedAtOpen += scan.damaged
    const segment: Segment = { name, seqs: seqsOf(scan), bytes: bytes.length, samples: scan.entries.some((entry) => entry.samples > 0), columns: new Map() }
    if (subtract(segment.seqs, done).length === 0) files.remove(name)
    else segments.push(segment)
  }
  counts.damaged += damagedAtOpen
  const highest = Math.max(0, largest(done), ...segments.map((segment) => largest(segment.seqs)))
  const clean = stored?.next !== undefined && stored.bootId === options.bootId && damagedAtOpen === 0
  // `next` stands in the file only after a clean stop; see promise 1.
  let next = Math.max(highest + 1, stored === undefined ? 1 : clean ? (stored.next ?? 1) : stored.reserved)
  let reserved = next + RESERVE
  const attempt = (act: () => void): boolean => {
    try {
      act()
      return true
    } catch {
      counts.diskErrors++
      return false
    }
  }
  const writeEpoch = (closing: boolean): boolean => {
    const bytes = sealed({ epoch, reserved, bootId: options.bootId, ...(closing ? { next } : {}) })
    return attempt(() => files.replace('epoch', bytes, true)) || attempt(() => files.overwrite('epoch', bytes))
  }
  /** False while nothing may be written, because a segment without its epoch would be worthless. */
  let writable = writeEpoch(false)
  const frozen = !writable && stored !== undefined
  if (frozen) {
    epoch = options.newEpoch()
    segments.length = 0
    done = []
    next = 1
    reserved = Infinity
  }

  const pendingOf = (segment: Segment): SeqRanges => subtract(segment.seqs, done)
  const bytesUsed = (): number => segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const forget = (segment: Segment): boolean => {
    const gone = attempt(() => files.remove(segment.name))
    // A file that cannot be removed is left behind: its numbers are done, the next start tries again.
    segments.splice(segments.indexOf(segment), 1)
    if (active === segment) active = undefined
    if (cached?.segment === segment) cached = undefined
    return gone
  }
  const load = (segment: Segment): { bytes: Uint8Array; scan: Scan } => {
    if (cached?.segment === segment) return cached
    if (active === segment) active = undefined
    const bytes = files.read(segment.name)
    cached = { segment, bytes, scan: scanSegment(bytes) }
    return cached
  }
  const giveUp = (seqs: SeqRanges): void => {
    done = union(done, seqs)
    doneDirty = true
  }

  /** Takes the samples out of a segment. Returns whether it is smaller now. */
  const strip = (segment: Segment): boolean => {
    const { bytes, scan } = load(segment)
    const parts: Uint8Array[] = []
    const kept: [number, number][] = []
    let samples = 0
    let batches = 0
    const emptied: [number, number][] = []
    for (const entry of scan.entries) {
      if (contains(done, entry.seq)) continue
      samples += entry.samples
      const read = entry.others > 0 ? readEntry(bytes, scan, entry) : undefined
      if (read === undefined) {
        if (entry.others > 0) counts.damaged++
        batches++
        emptied.push([entry.seq, entry.seq])
      } else {
        parts.push(batchRecord({ ...read.batch, rows: [] }))
        kept.push([entry.seq, entry.seq])
      }
    }
    const rest = Buffer.concat(parts)
    cached = undefined
    if (kept.length > 0 && !attempt(() => files.replace(segment.name, rest, false))) return false
    counts.droppedSamples += samples
    counts.droppedBatches += batches
    giveUp(union([], emptied))
    if (kept.length === 0) return forget(segment)
    segment.seqs = union([], kept)
    segment.bytes = rest.length
    segment.samples = false
    return true
  }
  const dropWhole = (segment: Segment): boolean => {
    for (const entry of load(segment).scan.entries) {
      if (contains(done, entry.seq)) continue
      counts.droppedSamples += entry.samples
      counts.droppedOthers += entry.others
      counts.droppedBatches++
    }
    giveUp(pendingOf(segment))
    return forget(segment)
  }
  /** Frees something, the least valuable first. Returns whether anything was freed. */
  const shrink = (): boolean => {
    for (const segment of segments.filter((candidate) => candidate.samples)) {
      try {
        if (strip(segment)) return true
      } catch {
        counts.diskErrors++
      }
    }
    if (segments.some((segment) => segment.samples)) return false
    const [oldest] = segments
    try {
      return oldest !== undefined && dropWhole(oldest)
    } catch {
      counts.diskErrors++
      return false
    }
  }

  /**
   * The disk has refused. What is acknowledged costs nothing to remove; what is not stays, as long as memory can hold the
   * new: it is the backlog of an outage, and a disk that is full for a moment must not end it.
   */
  const makeRoom = (): boolean => {
    const spent = segments.filter((segment) => pendingOf(segment).length === 0)
    if (spent.length > 0) return spent.filter(forget).length > 0
    return memory.length > MEMORY_BATCHES && shrink()
  }

  const write = ({ batch, columns }: ColumnedBatch): boolean => {
    if (active !== undefined && active.bytes >= segmentBytes) active = undefined
    const segment = active ?? { name: segmentName(batch.seq), seqs: [], bytes: 0, samples: false, columns: new Map<string, number>() }
    const parts: Uint8Array[] = []
    for (const row of batch.rows) {
      const known = segment.columns.get(row.group) ?? 0
      if (row.values.length <= known) continue
      parts.push(defineRecord(row.group, known, columns(row.group).slice(known, row.values.length)))
      segment.columns.set(row.group, row.values.length)
    }
    parts.push(batchRecord(batch))
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    if (!attempt(() => files.append(segment.name, bytes))) {
      // Part of it may be there: cut it off. Where even that fails, the tail is damage and nothing more goes to this file.
      const cut = attempt(() => (active === undefined ? files.remove(segment.name) : files.truncate(segment.name, segment.bytes)))
      for (const row of batch.rows) segment.columns.delete(row.group)
      if (!cut || active !== undefined) active = undefined
      return false
    }
    if (active === undefined) segments.push(segment)
    active = segment
    segment.seqs = union(segment.seqs, [[batch.seq, batch.seq]])
    segment.bytes += bytes.length
    segment.samples ||= countSamples(batch.rows) > 0
    dirty = true
    return true
  }
  const flush = (): void => {
    if (!writable && !frozen) writable = writeEpoch(false)
    if (writable) spill()
    boundMemory()
  }
  const spill = (): void => {
    for (let oldest = memory[0]; oldest !== undefined; oldest = memory[0]) {
      if (!write(oldest) && !(makeRoom() && write(oldest))) break
      memory.shift()
    }
    while (bytesUsed() > maxBytes && shrink());
  }
  const boundMemory = (): void => {
    const held = memory.filter(({ batch }) => batch.rows.length > 0)
    for (const { batch, columns } of held.slice(0, Math.max(0, held.length - MEMORY_BATCHES))) {
      counts.droppedSamples += countSamples(batch.rows)
      const at = memory.findIndex((candidate) => candidate.batch === batch)
      if (countOthers(batch) > 0) memory[at] = { batch: { ...batch, rows: [] }, columns }
      else {
        memory.splice(at, 1)
        counts.droppedBatches++
        giveUp([[batch.seq, batch.seq]])
      }
    }
    while (memory.length > MEMORY_BATCHES + MEMORY_OTHERS) {
      const gone = memory.shift()
      if (gone === undefined) break
      counts.droppedOthers += countOthers(gone.batch)
      counts.droppedSamples += countSamples(gone.batch.rows)
      counts.droppedBatches++
      giveUp([[gone.batch.seq, gone.batch.seq]])
    }
  }
  /** Numbers below the oldest pending one are done whatever they were: so the set stays a handful of ranges. */
  const compactDone = (): void => {
    let lowest = next
    for (const segment of segments) lowest = Math.min(lowest, pendingOf(segment)[0]?.[0] ?? lowest)
    for (const { batch } of memory) lowest = Math.min(lowest, batch.seq)
    if (lowest > 1) done = union(done, [[1, lowest - 1]])
  }
  const writeDone = (): void => {
    compactDone()
    if (!writable) return
    if (attempt(() => files.replace('done', sealed({ epoch, done }), false))) doneDirty = false
  }

  while (writable && bytesUsed() > maxBytes && shrink());

  return {
    epoch,
    counts,
    next: () => next,
    append(body, columns) {
      if (writable && next >= reserved - RESERVE / 2) {
        const before = reserved
        reserved = next + RESERVE
        if (!writeEpoch(false)) reserved = before
      }
      const batch: Batch = { seq: next++, ...body }
      last = { batch, columns }
      counts.appended++
      memory.push(last)
      flush()
      return last
    },
    done(ranges) {
      const known = ranges.filter(([from, to]) => from <= to && from < next).map(([from, to]): [number, number] => [from, Math.min(to, next - 1)])
      if (subtract(union([], known), done).length === 0) return
      giveUp(known)
      memory = memory.filter(({ batch }) => !contains(done, batch.seq))
      for (const segment of segments.slice()) {
        // The one being written to is kept until it is worth a new file, unless it has grown: no file per tick.
        if (pendingOf(segment).length === 0 && (segment !== active || segment.bytes * 4 >= segmentBytes)) forget(segment)
      }
      if (doneDirty) writeDone()
    },
    newest: () => (last !== undefined && !contains(done, last.batch.seq) ? last : undefined),
    oldest(except) {
      for (const segment of segments.slice()) {
        for (;;) {
          const wanted = subtract(pendingOf(segment), except)[0]?.[0]
          if (wanted === undefined) break
          try {
            const { bytes, scan } = load(segment)
            const entry = scan.entries.find((candidate) => candidate.seq === wanted)
            const found = entry === undefined ? undefined : readEntry(bytes, scan, entry)
            if (found !== undefined && entry !== undefined) {
              if (found.batch.rows.length > 0 || entry.samples === 0) return found
              // The rows' definitions were lost: what needs none is still good.
              counts.damaged++
              counts.droppedSamples += entry.samples
              if (entry.others > 0) return found
            }
          } catch {
            counts.diskErrors++
          }
          // It was there when it was written and cannot be read now: gone, and said so.
          counts.damaged++
          counts.droppedBatches++
          giveUp([[wanted, wanted]])
        }
      }
      return memory.find(({ batch }) => !contains(except, batch.seq))
    },
    skipTo(wanted) {
      if (wanted <= next) return
      next = wanted
      if (frozen) return
      reserved = next + RESERVE
      writable = writeEpoch(false)
    },
    async sync(nowMs) {
      if (!dirty || active === undefined || nowMs - syncedAt < 1000) return
      dirty = false
      syncedAt = nowMs
      try {
        await files.sync(active.name)
      } catch {
        counts.diskErrors++
      }
    },
    state: () => ({
      bytes: bytesUsed(),
      segments: segments.length,
      pending: segments.reduce((sum, segment) => sum + countOf(pendingOf(segment)), 0) + memory.length,
      inMemory: memory.length,
    }),
    async close() {
      flush()
      writeDone()
      if (active !== undefined) {
        const { name } = active
        await files.sync(name).catch(() => {
          counts.diskErrors++
        })
      }
      if (memory.length === 0 && writable) writeEpoch(true)
      files.close()
    },
  }
}

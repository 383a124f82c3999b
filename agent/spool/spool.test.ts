import fc from 'fast-check'
import { mkdtempSync, readdirSync, rmSync, truncateSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../protocol/events.ts'
import { scaled, seed } from '../../test/scale.ts'
import type { BatchBody } from '../batch.ts'
import { diskFiles, type SpoolFiles } from './files.ts'
import { contains, subtract, union } from './ranges.ts'
import { scanSegment } from './segment.ts'
import { openSpool, type Spool } from './spool.ts'

/** A disk as a crash sees it: what the kernel holds, and what of it is on the platter. */
function fakeDisk() {
  const cached = new Map<string, Buffer>()
  const durable = new Map<string, Buffer>()
  let free = Infinity
  const take = (bytes: number): void => {
    if (bytes > free) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  const files: SpoolFiles = {
    list: () => [...cached.keys()],
    read(name) {
      const bytes = cached.get(name)
      if (bytes === undefined) throw new Error(`ENOENT: ${name}`)
      return Buffer.from(bytes)
    },
    append(name, bytes) {
      const before = cached.get(name) ?? Buffer.alloc(0)
      // A full disk takes what still fits, as write(2) does.
      const fits = Math.min(bytes.length, free)
      cached.set(name, Buffer.concat([before, bytes.slice(0, fits)]))
      take(bytes.length)
    },
    truncate: (name, size) => cached.set(name, (cached.get(name) ?? Buffer.alloc(0)).subarray(0, size)),
    replace(name, bytes, now) {
      take(bytes.length)
      cached.set(name, Buffer.from(bytes))
      if (now) durable.set(name, Buffer.from(bytes))
    },
    overwrite(name, bytes) {
      if (cached.get(name)?.length !== bytes.length) throw new Error(`ENOENT: ${name}`)
      cached.set(name, Buffer.from(bytes))
      durable.set(name, Buffer.from(bytes))
    },
    remove(name) {
      if (!cached.delete(name)) throw new Error(`ENOENT: ${name}`)
      durable.delete(name)
    },
    async sync(name) {
      durable.set(name, cached.get(name)!)
    },
    close: () => undefined,
  }
  return {
    files,
    cached,
    full: (bytes: number) => (free = bytes),
    /** The machine loses power: of each file some prefix beyond the synced part survives. */
    cut(keep: number) {
      for (const [name, bytes] of cached) {
        const safe = durable.get(name) ?? Buffer.alloc(0)
        if (!name.endsWith('.seg')) {
          if (durable.has(name)) cached.set(name, safe)
          else cached.delete(name)
        } else if (safe.length < bytes.length) cached.set(name, bytes.subarray(0, safe.length + Math.floor((bytes.length - safe.length) * keep)))
      }
    },
  }
}

const columns = (count: number) => Array.from({ length: count }, (_, i) => ({ __name__: 'm', n: String(i) }))
const all = columns(64)
const columnsOf = () => all

function event(text: string): Event {
  return { kind: 'log', rule: '', severity: 'info', at: 1, text, labels: {} }
}

function body(width: number, events: number, salt: number): BatchBody {
  const values = Float64Array.from({ length: width }, (_, i) => i * 1.5 + salt)
  return { rows: width === 0 ? [] : [{ group: 'tick', at: 1_700_000_000_000 + salt, values }], events: Array.from({ length: events }, (_, i) => event(`${salt}.${i}`)), facts: [], checks: [] }
}

const text = (value: BatchBody): string => JSON.stringify([value.rows.map((row) => [row.group, row.at, ...row.values]), value.events])
const eventsOnly = (value: BatchBody): string => text({ ...value, rows: [] })

/** Every pending batch, in order, as the link would read them. */
function drain(spool: Spool): Map<number, BatchBody> {
  const out = new Map<number, BatchBody>()
  let seen: readonly (readonly [number, number])[] = []
  for (let next = spool.oldest(seen); next !== undefined; next = spool.oldest(seen)) {
    const known = next.columns('tick')
    for (const row of next.batch.rows) expect(known.slice(0, row.values.length)).toEqual(all.slice(0, row.values.length))
    out.set(next.batch.seq, next.batch)
    seen = union(seen, [[next.batch.seq, next.batch.seq]])
  }
  return out
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), width: fc.integer({ min: 0, max: 40 }), events: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), from: fc.double({ min: 0, max: 1, noNaN: true }), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('power' as const), keep: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flip' as const), at: fc.double({ min: 0, max: 0.9999, noNaN: true }), bit: fc.integer({ min: 0, max: 7 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('full' as const), bytes: fc.integer({ min: 0, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('room' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function run(steps: readonly Step[], maxBytes: number): Promise<void> {
  const disk = fakeDisk()
  let boot = 1
  let epochs = 0
  let now = 0
  const open = (): Spool =>
    openSpool({ files: disk.files, maxBytes, segmentBytes: 1500, bootId: `boot-${boot}`, newEpoch: () => `epoch-${++epochs}` })
  let spool = open()
  const handedOut = new Map<number, BatchBody>()
  const acked = new Set<number>()
  /** What a batch may have lost so far, from counters of all runs of the spool. */
  let lostBefore = 0
  let dropped = { samples: 0, others: 0 }
  /** Damage done by the disk: from here on losses cannot be told from the counters alone. */
  let faults = false
  let ackLost = false
  const total = () => ({ samples: dropped.samples + spool.counts.droppedSamples, others: dropped.others + spool.counts.droppedOthers })
  const reopen = (): void => {
    dropped = total()
    const epoch = spool.epoch
    spool = open()
    expect(spool.epoch).toBe(epoch)
  }

  for (const action of steps) {
    now += 700
    switch (action.do) {
      case 'append': {
        const content = body(action.width, action.events, handedOut.size + 1)
        const { batch } = spool.append(content, columnsOf)
        // Promise 1: a number stands for one content for ever.
        expect(handedOut.has(batch.seq)).toBe(false)
        handedOut.set(batch.seq, content)
        expect(text(spool.newest()?.batch ?? content)).toBe(text(content))
        if (spool.counts.diskErrors === 0) expect(spool.state().bytes).toBeLessThanOrEqual(Math.max(maxBytes, 3000))
        break
      }
      case 'ack': {
        const left = drain(spool)
        const numbers = [...left.keys()]
        const first = Math.floor(action.from * numbers.length)
        for (const seq of numbers.slice(first, first + action.count)) {
          if (left.get(seq)!.rows.length === 0) lostBefore += handedOut.get(seq)!.rows[0]?.values.length ?? 0
          acked.add(seq)
          spool.done([[seq, seq]])
        }
        break
      }
      case 'sync':
        await spool.sync(now)
        break
      case 'kill':
        // Memory goes with the process; what only it held is lost and nobody can count it.
        if (spool.state().inMemory > 0 || spool.counts.diskErrors > 0) faults = ackLost = true
        reopen()
        break
      case 'stop':
        if (spool.counts.diskErrors > 0 || spool.state().inMemory > 0) faults = ackLost = true
        disk.full(Infinity)
        await spool.close()
        reopen()
        break
      case 'power':
        disk.full(Infinity)
        faults = ackLost = true
        disk.cut(action.keep)
        boot++
        reopen()
        break
      case 'flip': {
        const names = [...disk.cached.keys()].filter((name) => name.endsWith('.seg'))
        const bytes = disk.cached.get(names[Math.floor(action.at * names.length)] ?? '')
        if (bytes === undefined || bytes.length === 0) break
        const at = Math.floor(action.at * bytes.length)
        bytes[at] = bytes[at]! ^ (1 << action.bit)
        faults = true
        break
      }
      case 'full':
        disk.full(action.bytes)
        break
      case 'room':
        disk.full(Infinity)
        break
    }

    if (action.do === 'append' && handedOut.size % 4 !== 0) continue
    const left = drain(spool)
    let samplesLost = lostBefore
    let othersLost = 0
    for (const [seq, content] of handedOut) {
      const found = left.get(seq)
      if (acked.has(seq)) {
        // Acknowledgements are not flushed to the platter: after a power cut some may come again.
        if (!ackLost) expect(found).toBeUndefined()
        continue
      }
      if (found === undefined) othersLost += content.events.length
      if (found === undefined || found.rows.length === 0) samplesLost += content.rows[0]?.values.length ?? 0
    }
    for (const [seq, found] of left) {
      const content = handedOut.get(seq)!
      // Promise 3: whatever comes out is what went in, whole or without its samples.
      expect([text(content), eventsOnly(content)]).toContain(text(found))
    }
    if (!faults) {
      // Promise 4: what is gone was counted, sample by sample and event by event.
      expect({ samples: samplesLost, others: othersLost }).toEqual(total())
      // Events outlive samples: none is given up while an older batch's samples are still there.
      if (othersLost > 0) expect([...left.values()].filter((found) => found.rows.length > 0).length).toBeLessThanOrEqual(20)
    }
  }
}

describe('spool', () => {
  it('agrees with a model under appends, acknowledgements, kills, power cuts, flipped bits and a full disk', async () => {
    console.log(`spool: seed ${seed}`)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), fc.constantFrom(4_000, 9_000, 1e9), run),
      { seed, numRuns: scaled(150, 5_000) },
    )
  })

  it('gives up samples oldest first and events only when no samples are left', () => {
    const disk = fakeDisk()
    const spool = openSpool({ files: disk.files, maxBytes: 12_000, segmentBytes: 1500, bootId: 'b', newEpoch: () => 'e' })
    for (let i = 0; i < 60; i++) spool.append(body(40, 1, i), columnsOf)
    const left = [...drain(spool).values()]
    const withSamples = left.map((found) => found.rows.length > 0)
    expect(withSamples.indexOf(true)).toBeGreaterThan(0)
    expect(withSamples.slice(withSamples.indexOf(true))).not.toContain(false)
    expect(left.length).toBe(60 - spool.counts.droppedBatches)
    expect(spool.counts.droppedSamples).toBe(60 * 40 - withSamples.filter(Boolean).length * 40)
    expect(spool.counts.droppedOthers).toBe(0)
    expect(spool.state().bytes).toBeLessThanOrEqual(12_000)
  })

  it('keeps sending from memory while the disk is full, and writes it down when there is room', () => {
    const disk = fakeDisk()
    const open = () => openSpool({ files: disk.files, maxBytes: 1e9, segmentBytes: 1e6, bootId: 'b', newEpoch: () => 'e' })
    const spool = open()
    disk.full(0)
    for (let i = 0; i < 5; i++) expect(spool.append(body(10, 1, i), columnsOf).batch.seq).toBe(i + 1)
    expect(spool.state()).toMatchObject({ pending: 5, inMemory: 5 })
    expect(spool.counts.diskErrors).toBeGreaterThan(0)
    expect([...drain(spool).keys()]).toEqual([1, 2, 3, 4, 5])
    for (let i = 5; i < 100; i++) spool.append(body(10, i % 2, i), columnsOf)
    expect(spool.counts.droppedSamples).toBe(36 * 10)
    disk.full(Infinity)
    spool.append(body(10, 1, 100), columnsOf)
    expect(spool.state().inMemory).toBe(0)
    expect(drain(open()).size).toBe(101 - 15)
  })

  it('keeps the backlog on a disk that has become full, until memory cannot hold what is new', () => {
    const disk = fakeDisk()
    const spool = openSpool({ files: disk.files, maxBytes: 1e9, segmentBytes: 1e6, bootId: 'b', newEpoch: () => 'e' })
    for (let i = 0; i < 20; i++) spool.append(body(10, 0, i), columnsOf)
    disk.full(0)
    for (let i = 20; i < 84; i++) spool.append(body(10, 0, i), columnsOf)
    expect(spool.counts).toMatchObject({ droppedSamples: 0, droppedBatches: 0 })
    expect(spool.state()).toMatchObject({ pending: 84, inMemory: 64 })
    // What is acknowledged makes room for nothing.
    spool.done([[1, 20]])
    disk.full(1e6)
    spool.append(body(10, 0, 84), columnsOf)
    expect(spool.state()).toMatchObject({ pending: 65, inMemory: 0 })
    expect(spool.counts.droppedBatches).toBe(0)
    // Now the oldest go, for what memory has no place for.
    disk.full(0)
    for (let i = 85; i < 150; i++) spool.append(body(10, 0, i), columnsOf)
    expect(spool.counts.droppedSamples).toBeGreaterThan(0)
    expect(drain(spool).has(149 + 1)).toBe(true)
  })

  it('starts on a full or a read-only disk, and keeps the old backlog for a better day', () => {
    const disk = fakeDisk()
    let epochs = 0
    const open = (files: SpoolFiles) => openSpool({ files, maxBytes: 1e9, segmentBytes: 1e6, bootId: 'b', newEpoch: () => `e${++epochs}` })
    disk.full(0)
    const first = open(disk.files)
    first.append(body(3, 1, 1), columnsOf)
    expect(first.state().inMemory).toBe(1)
    // Room for a record, but not for the epoch's file: a segment without its epoch would be thrown away at the next start.
    disk.full(200)
    first.append(body(0, 1, 9), columnsOf)
    expect([...disk.cached.keys()]).toEqual([])
    disk.full(Infinity)
    first.append(body(3, 1, 2), columnsOf)
    expect(first.state().inMemory).toBe(0)
    const refuse = (): never => {
      throw new Error('EROFS')
    }
    const readOnly = open({ ...disk.files, append: refuse, replace: refuse, overwrite: refuse, remove: refuse, truncate: refuse })
    expect(readOnly.epoch).not.toBe(first.epoch)
    expect(text(readOnly.append(body(3, 1, 3), columnsOf).batch)).toBe(text(body(3, 1, 3)))
    expect([...drain(readOnly).keys()]).toEqual([1])
    const after = open(disk.files)
    expect(after.epoch).toBe(first.epoch)
    expect([...drain(after).keys()]).toEqual([1, 2, 3])
  })

  it('never sends under numbers the collector has and the folder does not', () => {
    const disk = fakeDisk()
    const spool = openSpool({ files: disk.files, maxBytes: 1e9, segmentBytes: 1e6, bootId: 'b', newEpoch: () => 'e' })
    spool.skipTo(10_000)
    expect(spool.append(body(1, 0, 1), columnsOf).batch.seq).toBe(10_000)
  })

  it('works on a real folder: torn tail, leftovers, segments deleted when acknowledged', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spool-'))
    try {
      const open = () => openSpool({ files: diskFiles(folder), maxBytes: 1e6, segmentBytes: 2000, bootId: 'b', newEpoch: () => 'e' })
      let spool = open()
      for (let i = 0; i < 20; i++) spool.append(body(30, 1, i), columnsOf)
      await spool.sync(5000)
      const segments = readdirSync(folder).filter((name) => name.endsWith('.seg')).sort()
      expect(segments.length).toBeGreaterThan(1)
      const torn = join(folder, segments.at(-1)!)
      truncateSync(torn, statSync(torn).size - 5)
      spool = open()
      expect(spool.counts.damaged).toBe(1)
      expect([...drain(spool).keys()]).toEqual(Array.from({ length: 19 }, (_, i) => i + 1))
      spool.done([[1, 20]])
      expect(readdirSync(folder).filter((name) => name.endsWith('.seg'))).toEqual([])
      const { batch } = spool.append(body(3, 0, 9), columnsOf)
      expect(batch.seq).toBeGreaterThan(4000)
      await spool.close()
      spool = open()
      expect(spool.next()).toBe(batch.seq + 1)
      expect(text(spool.oldest([])!.batch)).toBe(text(batch))
      await spool.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('finds the records behind a damaged one', () => {
    const disk = fakeDisk()
    const spool = openSpool({ files: disk.files, maxBytes: 1e9, segmentBytes: 1e6, bootId: 'b', newEpoch: () => 'e' })
    for (let i = 0; i < 10; i++) spool.append(body(5, 1, i), columnsOf)
    const bytes = disk.cached.get([...disk.cached.keys()].find((name) => name.endsWith('.seg'))!)!
    const { entries } = scanSegment(bytes)
    bytes[entries[4]!.at + 6] = 0xff
    bytes[entries[7]!.at + 40] = bytes[entries[7]!.at + 40]! ^ 1
    const scan = scanSegment(bytes)
    expect(scan.entries.map((entry) => entry.seq)).toEqual([1, 2, 3, 4, 6, 7, 9, 10])
    expect(scan.damaged).toBe(2)
  })
})

describe('ranges', () => {
  const set = fc.array(fc.tuple(fc.nat(60), fc.nat(5)).map(([from, length]): [number, number] => [from, from + length]), { maxLength: 12 })
  it('are sets: union and subtract agree with membership, number by number', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const x = union([], a)
        const y = union([], b)
        const both = union(x, y)
        const rest = subtract(x, y)
        for (let n = 0; n < 70; n++) {
          const inA = a.some(([from, to]) => from <= n && n <= to)
          const inB = b.some(([from, to]) => from <= n && n <= to)
          expect(contains(both, n)).toBe(inA || inB)
          expect(contains(rest, n)).toBe(inA && !inB)
        }
        for (const ranges of [both, rest]) for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThan(ranges[i - 1]![1] + 1)
      }),
      { seed, numRuns: scaled(300, 10_000) },
    )
  })
})

import { accessSync, constants } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { memoryHost, recordingSink } from '../../test/memory-host.ts'
import type { RecordReader } from '../host.ts'
import { localHost } from '../host-local.ts'
import { kernelLog } from './kernel-log.ts'
import { classify, kernelClasses, parseRecord } from './kernel-message.ts'

/** Lines as kernels printed them (3.10 of CentOS 7, 5.x, 6.x); names and addresses are made up. */
const lines: readonly (readonly [text: string, kind: string, rule: string, object: string])[] = [
  ['Out of memory: Kill process 4242 (java) score 901 or sacrifice child', 'oom-kill', '', 'java'],
  ['Out of memory: Killed process 4242 (my (odd) app) total-vm:8388608kB, anon-rss:7340032kB, file-rss:0kB', 'oom-kill', '', 'my (odd) app'],
  ['Memory cgroup out of memory: Kill process 77 (python) score 1000 or sacrifice child', 'oom-kill', '', 'python'],
  ['Memory cgroup out of memory: Killed process 77 (python) total-vm:1kB, anon-rss:1kB', 'oom-kill', '', 'python'],
  ['end_request: I/O error, dev sda, sector 1048576', 'io-error', '', 'sda'],
  ['blk_update_request: I/O error, dev sdb, sector 42 op 0x0:(READ) flags 0x0', 'io-error', '', 'sdb'],
  ['print_req_error: critical medium error, dev sdc, sector 9', 'io-error', '', 'sdc'],
  ['I/O error, dev dm-0, sector 42 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2', 'io-error', '', 'dm-0'],
  ['Buffer I/O error on device sda1, logical block 7', 'io-error', '', 'sda1'],
  ['Buffer I/O error on dev sda1, logical block 7, lost async page write', 'io-error', '', 'sda1'],
  ['EXT4-fs error (device sda1): ext4_find_entry:1463: inode #2: comm ls: reading directory lblock 0', 'fs-error', '', 'sda1'],
  ['XFS (dm-2): Metadata corruption detected at xfs_agf_read_verify+0x70/0x120 [xfs], block 0x1', 'fs-error', '', 'dm-2'],
  ['XFS (sdb1): Log I/O Error Detected.  Shutting down filesystem', 'fs-error', '', 'sdb1'],
  ['Aborting journal on device sda1-8.', 'fs-error', '', 'sda1'],
  ['EXT4-fs (sda1): Remounting filesystem read-only', 'readonly-remount', '', 'sda1'],
  ['BTRFS info (device sdc1): forced readonly', 'readonly-remount', '', 'sdc1'],
  ['INFO: task kworker/u8:2:1234 blocked for more than 120 seconds.', 'hung-task', '', 'kworker/u8:2'],
  ['watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [mysqld:991]', 'hung-task', '', 'mysqld'],
  ['EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Ha#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x1)', 'hardware-error', 'corrected', 'MC0'],
  ['EDAC MC1: 1 UE memory read error on CPU_SrcID#1_Ha#0_Chan#0_DIMM#0', 'hardware-error', 'uncorrected', 'MC1'],
  ['mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 4: be00000000800400', 'hardware-error', 'uncorrected', ''],
  ['mce: [Hardware Error]: Machine check events logged', 'hardware-error', 'corrected', ''],
]
const quiet = [
  'end_request: I/O error, dev fd0, sector 0',
  'blk_update_request: I/O error, dev sr0, sector 0 op 0x0:(READ)',
  'EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null)',
  'oom_reaper: reaped process 4242 (java), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB',
  'java invoked oom-killer: gfp_mask=0x201da, order=0, oom_score_adj=0',
  'Killed process 4242 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB',
  'EDAC MC: Ver: 3.0.0',
]

describe('kernel messages', () => {
  it.each(lines)('%s', (text, kind, rule, object) => {
    expect(classify(text)).toMatchObject({ class: { kind, rule }, object })
  })

  it.each(quiet)('is no fault: %s', (text) => {
    expect(classify(text)).toBeUndefined()
  })

  it('has an example of every class', () => {
    const shown = new Set(lines.map(([, kind, rule]) => `${kind} ${rule}`))
    expect(kernelClasses.map(({ kind, rule }) => `${kind} ${rule}`).filter((name) => !shown.has(name))).toEqual([])
  })

  it('reads a record and refuses what a program wrote there', () => {
    expect(parseRecord('6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=net\n')).toEqual({
      sequence: 339,
      microseconds: 5_140_900,
      text: 'NET: Registered protocol family 10',
    })
    expect(parseRecord('11,340,1,-;Out of memory: Kill process 1 (x) score 1')).toBeUndefined()
    expect(parseRecord('nonsense')).toBeUndefined()
  })
})

/** Booted at 1 000 000 s; the queue holds records and `lost` marks. */
function machine() {
  const queue: string[] = []
  const state = { now: 2_000_000_000 }
  let opened = 0
  const openRecords = (): RecordReader => {
    opened++
    return {
      next() {
        const item = queue.shift()
        if (item === undefined) return { kind: 'none' }
        return item === 'lost' ? { kind: 'lost' } : { kind: 'record', text: item }
      },
      close: () => undefined,
    }
  }
  const host = memoryHost({
    get files() {
      return { '/proc/uptime': `${(state.now - 1_000_000_000) / 1000}.00 1.00\n` }
    },
    openRecords,
    now: () => state.now,
  })
  const record = (secondsAfterBoot: number, text: string): string => `3,1,${secondsAfterBoot * 1e6},-;${text}\n`
  const tick = async () => {
    const sink = recordingSink()
    expect(await kernelLog.read(host, sink, new AbortController().signal)).toEqual({ kind: 'ok', value: undefined })
    return sink
  }
  return { queue, state, record, tick, opened: () => opened, waits: () => kernelLog.waits?.(host) }
}
const oom = 'zhishou_events_total{kind="oom-kill",severity="critical"}'
const killed = 'Out of memory: Kill process 4242 (java) score 901 or sacrifice child'

describe('kernel log source', () => {
  it('counts from 0 for every class, tells the first event with its own time, and opens the log once', async () => {
    const { queue, state, record, tick, opened } = machine()
    const first = await tick()
    expect(Object.values(first.samples)).toEqual(kernelClasses.map(() => 0))
    expect(first.events).toEqual([])
    state.now += 15_000
    queue.push(record(1_000_010, killed), record(1_000_010, 'Killed process 4242 (java) total-vm:1kB'))
    const second = await tick()
    expect(second.samples[oom]).toBe(1)
    expect(second.events).toEqual([
      { kind: 'oom-kill', rule: '', severity: 'critical', at: 2_000_010_000, text: killed, labels: { process: 'java' } },
    ])
    expect((await tick()).samples[oom]).toBe(1)
    expect(opened()).toBe(1)
  })

  it('tells at start what happened in the last minute, after the zeros, and nothing older', async () => {
    const { queue, record, tick } = machine()
    queue.push(record(999_000, killed), record(999_990, killed))
    const first = await tick()
    expect(first.samples[oom]).toBe(0)
    expect(first.events).toEqual([])
    const second = await tick()
    expect(second.samples[oom]).toBe(1)
    expect(second.events).toHaveLength(1)
  })

  it('makes one event of a storm on one object, counts all of it, and reads on past lost records', async () => {
    const { queue, record, tick } = machine()
    await tick()
    queue.push('lost')
    for (let index = 0; index < 100; index++) queue.push(record(1_000_001, `blk_update_request: I/O error, dev sd${index % 2 === 0 ? 'a' : 'b'}, sector ${index}`))
    const sink = await tick()
    expect(sink.samples['zhishou_events_total{kind="io-error",severity="critical"}']).toBe(100)
    expect(sink.events.map((event) => event.labels)).toEqual([{ device: 'sda', count: '50' }, { device: 'sdb', count: '50' }])
  })

  it('says between ticks that a fault waits, at no other line, and tells it whole with the read', async () => {
    const { queue, state, record, tick, waits } = machine()
    expect(waits()).toBe(false)
    await tick()
    expect(waits()).toBe(false)
    queue.push(record(1_000_001, 'usb 1-1: new high-speed USB device'), 'lost')
    expect(waits()).toBe(false)
    expect(queue).toEqual([])
    queue.push(record(1_000_002, 'calm'), record(1_000_003, killed), record(1_000_004, killed))
    expect([waits(), waits()]).toEqual([true, true])
    state.now += 5_000
    const sink = await tick()
    expect(sink.samples[oom]).toBe(2)
    expect(sink.events).toMatchObject([{ kind: 'oom-kill', at: 2_000_003_000, labels: { process: 'java', count: '2' } }])
    expect(waits()).toBe(false)
    expect((await tick()).samples[oom]).toBe(2)
  })

  it('has what it found at its start told before the next tick', async () => {
    const { queue, record, tick, waits } = machine()
    queue.push(record(999_990, killed))
    await tick()
    expect(waits()).toBe(true)
    expect((await tick()).samples[oom]).toBe(1)
    expect(waits()).toBe(false)
  })

  it('leaves it to the read to report a log that cannot be read any more', async () => {
    let broken = false
    const host = memoryHost({
      files: { '/proc/uptime': '1.00 1.00\n' },
      openRecords: () => ({
        next() {
          if (broken) throw new Error('EIO: i/o error, read')
          return { kind: 'none' }
        },
        close: () => undefined,
      }),
    })
    expect((await kernelLog.read(host, recordingSink(), new AbortController().signal)).kind).toBe('ok')
    broken = true
    expect(kernelLog.waits?.(host)).toBe(true)
    expect(await kernelLog.read(host, recordingSink(), new AbortController().signal)).toMatchObject({ kind: 'failed' })
  })

  it('is absent with the reason where the log may not be read', async () => {
    const host = memoryHost({
      files: { '/proc/uptime': '1.00 1.00\n' },
      openRecords: () => {
        throw new Error('EPERM: operation not permitted, open /dev/kmsg')
      },
    })
    const sink = recordingSink()
    const outcome = await kernelLog.read(host, sink, new AbortController().signal)
    expect(outcome).toEqual({ kind: 'absent', why: '/dev/kmsg cannot be read: EPERM: operation not permitted, open /dev/kmsg' })
    expect(sink.samples).toEqual({})
    expect((await kernelLog.read(memoryHost({}), sink, new AbortController().signal))).toMatchObject({ kind: 'absent' })
  })
})

function readable(): boolean {
  try {
    accessSync('/dev/kmsg', constants.R_OK)
    return true
  } catch {
    console.log('skipped: /dev/kmsg may not be read here')
    return false
  }
}

describe.skipIf(!readable())('the real /dev/kmsg', () => {
  it('gives records without ever blocking', async () => {
    const reader = localHost().openRecords!('/dev/kmsg')
    let records = 0
    for (let next = reader.next(); next.kind !== 'none'; next = reader.next()) {
      if (next.kind === 'record') expect(next.text).toMatch(/^\d+,\d+,\d+,/)
      records++
    }
    expect(records).toBeGreaterThan(0)
    expect(reader.next()).toEqual({ kind: 'none' })
    reader.close()
    const sink = recordingSink()
    expect((await kernelLog.read(localHost(), sink, new AbortController().signal)).kind).toBe('ok')
    expect(Object.keys(sink.samples)).toHaveLength(kernelClasses.length)
  })
})

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryHost, recordingSink } from '../../test/memory-host.ts'
import { scaled, seed } from '../../test/scale.ts'
import { parseDiskstats } from './diskstats.ts'
import { parseMeminfo } from './meminfo.ts'
import { netclassInfo, parseAttribute, speedInBytes } from './netclass.ts'
import { parseNetDev } from './netdev.ts'
import { parseNetstat, parseSnmp6 } from './netstat.ts'
import { parsePageSize } from './page-size.ts'
import { parsePressure, pressure } from './pressure.ts'
import { parseProcessStat } from './processes.ts'
import { parseZoneName, rapl } from './rapl.ts'
import { parseSelinuxConfig } from './selinux.ts'
import { addSocketTable, emptySocketTable } from './socket-table.ts'
import { parseSoftnet } from './softnet.ts'
import type { Source } from './source.ts'
import { parseStat } from './stat.ts'
import { tcpStates } from './tcp-states.ts'
import { machineOf } from './uname.ts'
import { parseVmstat } from './vmstat.ts'

const runs = { seed, numRuns: scaled(100, 10_000) }
const never = new AbortController().signal

async function samples(source: Source, files: Record<string, string>): Promise<Record<string, number>> {
  const sink = recordingSink()
  const outcome = await source.read(memoryHost({ files }), sink, never)
  return outcome.kind === 'failed' ? Promise.reject(outcome.error) : sink.samples
}

test('stat: a word is found at the begin of its line only, and intr is its sum', () => {
  expect([...parseStat('cpu 1\nintr 45 1 2 3\nctxt 7\nprocesses 8\nprocs_running 2\n')]).toEqual([['intr', 45], ['ctxt', 7], ['processes', 8], ['procs_running', 2]])
})

test('vmstat: the first line is found too, and longer names are not taken for shorter ones', () => {
  expect([...parseVmstat('pgpgin 1\npgfault_x 9\npgmajfault 3\nnr_pgfault 8\n')]).toEqual([['pgpgin', 1], ['pgmajfault', 3]])
})

test('meminfo: kB become bytes, counts of pages do not', () => {
  const values: Record<string, number> = {}
  parseMeminfo('MemTotal:       24684096 kB\nHugePages_Total:       4\nActive(anon):  8 kB\n', (key, value) => (values[key] = value))
  expect(values).toEqual({ MemTotal: 24_684_096 * 1024, HugePages_Total: 4, 'Active(anon)': 8192 })
  expect(() => parseMeminfo('MemFree: 1 kB\n', () => {})).toThrow('MemTotal is missing')
})

test('diskstats: partitions and memory disks are left out, whole disks of any name are not', () => {
  const names = ['sda', 'sda1', 'vdb', 'vdb15', 'xvda1', 'hda', 'nvme0n1', 'nvme0n1p3', 'dm-0', 'md127', 'loop7', 'ram0', 'zram0', 'fd0', 'sr0', 'mmcblk0']
  const text = names.map((name, index) => `   8  ${index} ${name} ${'1 '.repeat(11)}\n`).join('')
  expect(parseDiskstats(text).map((disk) => disk.device)).toEqual(['sda', 'vdb', 'hda', 'nvme0n1', 'dm-0', 'md127', 'zram0', 'sr0', 'mmcblk0'])
})

test('netdev: a number that touches the colon, and a name with a colon', () => {
  const row = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'
  const text = `Inter-|\n face |\n  eth0:${row}\neth0:1: ${row}\n`
  expect(parseNetDev(text).map(({ device, counts }) => [device, counts[0], counts[15]])).toEqual([['eth0', 1, 16], ['eth0:1', 1, 16]])
})

test('netdev: what was written comes back', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', 'z', '0', '9', '.', '-', '_', '@'), minLength: 1, maxLength: 15 })
  const counts = fc.array(fc.nat(), { minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(fc.array(fc.record({ device: name, counts })), (devices) => {
      const text = `a\nb\n${devices.map((one) => `${one.device.padStart(6)}: ${one.counts.join('    ')}\n`).join('')}`
      expect(parseNetDev(text)).toEqual(devices)
    }),
    runs,
  )
})

describe('netstat', () => {
  const values = (text: string): Record<string, number> => {
    const found: Record<string, number> = {}
    parseNetstat('/proc/net/netstat', text, (key, value) => (found[key] = value))
    return found
  }
  test('takes the columns that are wanted, wherever they are', () => {
    expect(values('TcpExt: A ListenDrops B\nTcpExt: 1 2 3\n')).toEqual({ TcpExt_ListenDrops: 2 })
    expect(values('TcpExt: ListenDrops TCPTimeouts\nTcpExt: 8 9\n')).toEqual({ TcpExt_ListenDrops: 8, TcpExt_TCPTimeouts: 9 })
  })
  test('refuses a pair that does not fit together', () => {
    expect(() => values('TcpExt: A ListenDrops\nTcpExt: 1\n')).toThrow('TcpExt has 2 names and 1 values')
    expect(() => values('TcpExt: A\nIpExt: 1\n')).toThrow("the line after TcpExt's names is not its values")
  })
  test('of IPv6 takes the protocol up to its 6', () => {
    const found: Record<string, number> = {}
    parseSnmp6('Ip6InOctets                     \t128\nUdp6InErrors \t1\nUdpLite6InErrors\t2\nnonsense\n', (key, value) => (found[key] = value))
    expect(found).toEqual({ Ip6_InOctets: 128, Udp6_InErrors: 1, UdpLite6_InErrors: 2 })
  })
})

test('softnet: before Linux 5.14 the line is the CPU, since then the thirteenth number is', () => {
  const old = '0000000a 00000000 00000001 0 0 0 0 0 0 0\n'
  expect(parseSoftnet(old + old).map((row) => row.cpu)).toEqual(['0', '1'])
  const recent = (cpu: string): string => `0000000a 00000000 00000001 0 0 0 0 0 0 0 0 0 ${cpu} 0 0\n`
  expect(parseSoftnet(recent('00000000') + recent('00000011'))[1]).toEqual({ cpu: '17', processed: 10, dropped: 0, squeezed: 1 })
})

test('socket tables: states are counted and queues summed, over both families', () => {
  const row = fc.record({ state: fc.integer({ min: 1, max: 12 }), transmit: fc.nat(0xffffffff), receive: fc.nat(0xffffffff) })
  const hex = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, '0')
  fc.assert(
    fc.property(fc.array(row), fc.array(row), (four, six) => {
      const text = (rows: typeof four): string =>
        `  sl  local\n${rows.map((one, slot) => `${String(slot).padStart(4)}: 0100007F:0016 00000000:0000 ${hex(one.state, 2)} ${hex(one.transmit, 8)}:${hex(one.receive, 8)} 00:00000000\n`).join('')}`
      const table = emptySocketTable()
      addSocketTable('/proc/net/tcp', text(four), table)
      addSocketTable('/proc/net/tcp6', text(six), table)
      const all = [...four, ...six]
      expect(table.transmitBytes).toBe(all.reduce((sum, one) => sum + one.transmit, 0))
      expect(table.receiveBytes).toBe(all.reduce((sum, one) => sum + one.receive, 0))
      for (const [state, count] of table.states) expect(count).toBe(all.filter((one) => one.state === state).length)
    }),
    runs,
  )
})

test('tcp states: a machine of very many sockets is not looked at one by one', async () => {
  const sink = recordingSink()
  const host = memoryHost({ files: { '/proc/net/sockstat': 'TCP: inuse 19000 orphan 0 tw 1001 alloc 1 mem 1\n' } })
  expect(await tcpStates.read(host, sink, never)).toEqual({ kind: 'absent', why: '20001 TCP sockets are too many to look at each (limit 20000)' })
  expect(sink.samples).toEqual({})
})

describe('processes', () => {
  const line = (name: string, state: string, threads: number): string => `1 (${name}) ${state} 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 ${threads} 0 21 5\n`
  test('whatever the name holds, state and threads come back', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), fc.constantFrom('R', 'S', 'D', 'Z', 'T', 't', 'I'), fc.nat(100_000), (name, state, threads) => {
        expect(parseProcessStat(line(name, state, threads))).toEqual({ state, threads })
      }),
      runs,
    )
  })
  test.each(['', '1 sh S 0', '1 (sh', '1 (sh) ', '1 (sh) S 0 1 1', line('sh', '1', 1), line('sh', 'S', 1).slice(0, 40)])('%j is no process', (text) => expect(parseProcessStat(text)).toBeUndefined())
})

describe('pressure', () => {
  test('microseconds become seconds', () => {
    expect(parsePressure('f', 'some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2\n')).toEqual({ some: 1.5, full: 0.000002 })
    expect(parsePressure('f', 'some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n').full).toBeUndefined()
  })
  test('is absent where the kernel has it switched off', async () => {
    const off = { ...memoryHost({ files: { '/proc/pressure/cpu': '' } }), read: () => { throw Object.assign(new Error('off'), { code: 'EOPNOTSUPP' }) } }
    expect((await pressure.read(off, recordingSink(), never)).kind).toBe('absent')
    expect((await pressure.read(memoryHost({}), recordingSink(), never)).kind).toBe('absent')
  })
  test('tells of interrupts where the kernel does', async () => {
    const text = 'some avg10=0.00 total=1000000\nfull avg10=0.00 total=2000000\n'
    const files = Object.fromEntries(['cpu', 'io', 'memory', 'irq'].map((name) => [`/proc/pressure/${name}`, text]))
    expect(await samples(pressure, files)).toMatchObject({ node_pressure_cpu_waiting_seconds_total: 1, node_pressure_irq_stalled_seconds_total: 2 })
  })
})

test('netclass: numbers of sysfs in both bases, and speed in bytes', () => {
  expect([parseAttribute('f', '0x1003'), parseAttribute('f', '-1'), parseAttribute('f', '10000')]).toEqual([4099, -1, 10_000])
  expect(() => parseAttribute('/sys/x', 'ten')).toThrow('/sys/x: not a number: "ten"')
  expect([speedInBytes(10_000), speedInBytes(-1)]).toEqual([1_250_000_000, -125_000])
})

test('netclass: what a device does not have is left out, and bonding_masters is no device', async () => {
  const found = await samples(netclassInfo, { '/sys/class/net/bonding_masters': '\n', '/sys/class/net/tun0/operstate': 'unknown\n', '/sys/class/net/tun0/mtu': '1400\n' })
  expect(found).toEqual({ 'node_network_info{device="tun0",operstate="unknown"}': 1, 'node_network_mtu_bytes{device="tun0"}': 1400 })
})

test('page size: from one size told in pages and in kB, though the process grew in between', () => {
  expect(parsePageSize('765 441 413 5 0 123 0\n', 'Name:\tcat\nVmSize:\t    3060 kB\n')).toBe(4096)
  expect(parsePageSize('100 1 1\n', 'VmSize:\t    6500 kB\n')).toBe(65_536)
  expect(parsePageSize('', '')).toBeUndefined()
  expect(parsePageSize('0 0 0\n', 'VmSize:\t0 kB\n')).toBeUndefined()
})

test('rapl: zones of every kind of name', () => {
  expect(parseZoneName('package-1')).toEqual({ zone: 'package', index: '1' })
  expect(parseZoneName('package-0-die-1')).toEqual({ zone: 'package', index: '0-die-1' })
  expect(parseZoneName('dram')).toEqual({ zone: 'dram', index: undefined })
})

test('rapl: counters that only root may read are absent, not broken', async () => {
  const host = memoryHost({ files: { '/sys/class/powercap/intel-rapl:0/name': 'package-0\n', '/sys/class/powercap/intel-rapl:0/energy_uj': '1\n' } })
  const forbidden = { ...host, readSlow: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) }
  expect((await rapl.read(forbidden, recordingSink(), never)).kind).toBe('absent')
  expect((await rapl.read(host, recordingSink(), never)).kind).toBe('ok')
})

test('selinux: the setting in any spelling', () => {
  expect(['SELINUX=enforcing\n', '# SELINUX=disabled\nSELINUX = Permissive\n', 'SELINUX=disabled', 'SELINUXTYPE=targeted\n'].map(parseSelinuxConfig)).toEqual([1, 0, -1, -1])
})

test('uname: the machine by the kernel, by its release, by the runtime', () => {
  expect(machineOf('riscv64', 'x', 'x64')).toBe('riscv64')
  expect(machineOf(undefined, '3.10.0-693.el7.x86_64', 'arm64')).toBe('x86_64')
  expect(machineOf(undefined, '5.10.0-8-arm64', 'x64')).toBe('aarch64')
  expect([machineOf(undefined, '5.4.0', 'x64'), machineOf(undefined, '5.4.0', 'arm64')]).toEqual(['x86_64', 'aarch64'])
})

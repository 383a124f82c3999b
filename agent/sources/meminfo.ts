import { gauge, type SeriesSpec } from '../../protocol/series.ts'
import { eachLine, malformed, skipBlanks, skipWord, wholeNumber } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/meminfo'

/** Lines in kB, of Linux 3.10 to 6.18: `Active(anon)` becomes `node_memory_Active_anon_bytes`. */
const KIB_LINES = `MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon)
  Active(file) Inactive(file) Unevictable Mlocked HighTotal HighFree LowTotal LowFree MmapCopy SwapTotal SwapFree Zswap
  Zswapped Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab SReclaimable SUnreclaim KernelStack ShadowCallStack
  PageTables SecPageTables NFS_Unstable Bounce WritebackTmp CommitLimit Committed_AS VmallocTotal VmallocUsed VmallocChunk
  Percpu EarlyMemtestBad HardwareCorrupted AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages FilePmdMapped CmaTotal
  CmaFree Unaccepted Balloon GPUActive GPUReclaim Hugepagesize Hugetlb DirectMap4k DirectMap2M DirectMap4M DirectMap64k
  DirectMap16M DirectMap1G QuickLists`.split(/\s+/)
/** Lines that count pages of huge size, without a unit. */
const PLAIN_LINES = ['HugePages_Total', 'HugePages_Free', 'HugePages_Rsvd', 'HugePages_Surp']

const specs: ReadonlyMap<string, SeriesSpec> = new Map([
  ...KIB_LINES.map((key): [string, SeriesSpec] => {
    const field = `${key.replace(/\((.*)\)/, '_$1')}_bytes`
    return [key, gauge(`node_memory_${field}`, `Memory information field ${field}.`)]
  }),
  ...PLAIN_LINES.map((key): [string, SeriesSpec] => [key, gauge(`node_memory_${key}`, `Memory information field ${key}.`)]),
])

/**
 * Calls `visit` with each line's key as the kernel writes it and its value, kB already turned into bytes. Throws on a line
 * that is not `Key: number [kB]` and when MemTotal is missing. Source: kernel Documentation/filesystems/proc.rst, meminfo.
 */
export function parseMeminfo(text: string, visit: (key: string, value: number) => void): void {
  let total = false
  eachLine(WHAT, text, (start, end) => {
    const colon = text.indexOf(':', start)
    if (colon === -1 || colon >= end) throw malformed(WHAT, 'no key', text, start, end)
    const first = skipBlanks(text, colon + 1, end)
    const stop = skipWord(text, first, end)
    const value = wholeNumber(text, first, stop)
    if (value === undefined) throw malformed(WHAT, 'no number', text, start, end)
    const key = text.slice(start, colon)
    if (key === 'MemTotal') total = true
    visit(key, stop < end ? value * 1024 : value)
  })
  if (!total) throw new Error(`${WHAT}: MemTotal is missing`)
}

/** Memory as the kernel counts it. MemAvailable came with Linux 3.14 (Red Hat has it in its 3.10): where it is missing it is left out, not guessed. */
export const meminfo = stepped({
  name: 'meminfo',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [...specs.values()],
  *steps(host, out) {
    parseMeminfo(yield* settled(host.read(WHAT)), (key, value) => {
      const spec = specs.get(key)
      if (spec !== undefined) out.sample(out.series(spec), value)
    })
    return ok
  },
})

import { counter, gauge, type SeriesSpec } from '../../protocol/series.ts'
import { eachLine, malformed, numbersIn, skipBlanks, skipWord, wholeNumber } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/diskstats'
/** A sector is 512 bytes here whatever the disk's own size: kernel Documentation/block/stat.rst. */
const SECTOR_BYTES = 512
const PER_MS = 0.001
/** node_exporter's default: partitions and memory disks are left out. */
const EXCLUDED = /^(?:ram|loop|fd|(?:h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$/

const disk = (name: string, help: string): SeriesSpec => counter(`node_disk_${name}`, help, 'device')

/** In the order of the kernel's columns after the name, each with its factor to base units. */
const COLUMNS: readonly (readonly [spec: SeriesSpec, factor: number])[] = [
  [disk('reads_completed_total', 'The total number of reads completed successfully.'), 1],
  [disk('reads_merged_total', 'The total number of reads merged.'), 1],
  [disk('read_bytes_total', 'The total number of bytes read successfully.'), SECTOR_BYTES],
  [disk('read_time_seconds_total', 'The total number of seconds spent by all reads.'), PER_MS],
  [disk('writes_completed_total', 'The total number of writes completed successfully.'), 1],
  [disk('writes_merged_total', 'The number of writes merged.'), 1],
  [disk('written_bytes_total', 'The total number of bytes written successfully.'), SECTOR_BYTES],
  [disk('write_time_seconds_total', 'The total number of seconds spent by all writes.'), PER_MS],
  [gauge('node_disk_io_now', 'The number of I/Os currently in progress.', 'device'), 1],
  [disk('io_time_seconds_total', 'Total seconds spent doing I/Os.'), PER_MS],
  [disk('io_time_weighted_seconds_total', 'The weighted number of seconds spent doing I/Os.'), PER_MS],
  [disk('discards_completed_total', 'The total number of discards completed successfully.'), 1],
  [disk('discards_merged_total', 'The total number of discards merged.'), 1],
  [disk('discarded_sectors_total', 'The total number of sectors discarded successfully.'), 1],
  [disk('discard_time_seconds_total', 'The total number of seconds spent by all discards.'), PER_MS],
  [disk('flush_requests_total', 'The total number of flush requests completed successfully.'), 1],
  [disk('flush_requests_time_seconds_total', 'The total number of seconds spent by all flush requests.'), PER_MS],
]

export interface Disk {
  readonly major: number
  readonly minor: number
  readonly device: string
  /** The columns after the name: 11 before Linux 4.18, 15 before 5.5, 17 since. */
  readonly counts: readonly number[]
}

const excluded = new Map<string, boolean>()

function isExcluded(device: string): boolean {
  let known = excluded.get(device)
  if (known === undefined) {
    // Names come and go with hot-plugged disks; a list of that many is a leak, so it begins anew.
    if (excluded.size > 10_000) excluded.clear()
    excluded.set(device, (known = EXCLUDED.test(device)))
  }
  return known
}

/** Whole disks (no partitions, loop or ram disks). Throws on a cut or malformed line. Source: kernel Documentation/admin-guide/iostats.rst. */
export function parseDiskstats(text: string): readonly Disk[] {
  const disks: Disk[] = []
  eachLine(WHAT, text, (start, end) => {
    const majorAt = skipBlanks(text, start, end)
    const majorEnd = skipWord(text, majorAt, end)
    const minorAt = skipBlanks(text, majorEnd, end)
    const minorEnd = skipWord(text, minorAt, end)
    const nameAt = skipBlanks(text, minorEnd, end)
    const nameEnd = skipWord(text, nameAt, end)
    const device = text.slice(nameAt, nameEnd)
    const major = wholeNumber(text, majorAt, majorEnd)
    const minor = wholeNumber(text, minorAt, minorEnd)
    if (major === undefined || minor === undefined || device === '') throw malformed(WHAT, 'expected two numbers and a name', text, start, end)
    if (isExcluded(device)) return
    const counts: number[] = []
    numbersIn(WHAT, text, nameEnd, end, counts)
    if (counts.length < 11) throw malformed(WHAT, 'fewer than 11 counts', text, start, end)
    disks.push({ major, minor, device, counts })
  })
  return disks
}

export const diskstats = stepped({
  name: 'diskstats',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: COLUMNS.map(([spec]) => spec),
  *steps(host, out) {
    for (const { device, counts } of parseDiskstats(yield* settled(host.read(WHAT)))) {
      for (const [index, [spec, factor]] of COLUMNS.entries()) {
        const count = counts[index]
        if (count === undefined) break
        out.sample(out.series(spec, device), count * factor)
      }
    }
    return ok
  },
})

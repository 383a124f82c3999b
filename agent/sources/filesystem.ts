import type { FileSystemSizes, Host, RunResult } from '../host.ts'
import { type SeriesSpec, gauge } from '../../protocol/series.ts'
import { type Mount, type Usage, DF, answeringAtOnce, mayHang, parseMounts, parseUsage } from './mounts.ts'
import { type Sink, ok } from './source.ts'
import { type Steps, settled, stepped } from './steps.ts'

const LABELS = ['device', 'mountpoint', 'fstype'] as const
const size = gauge('node_filesystem_size_bytes', 'Filesystem size in bytes.', ...LABELS)
const free = gauge('node_filesystem_free_bytes', 'Filesystem free space in bytes.', ...LABELS)
const available = gauge('node_filesystem_avail_bytes', 'Filesystem space available to non-root users in bytes.', ...LABELS)
const files = gauge('node_filesystem_files', 'Filesystem total file nodes.', ...LABELS)
const filesFree = gauge('node_filesystem_files_free', 'Filesystem total free file nodes.', ...LABELS)
const readOnly = gauge('node_filesystem_readonly', 'Filesystem read-only status.', ...LABELS)
const deviceError = gauge('node_filesystem_device_error', 'Whether an error occurred while getting statistics for the given device.', ...LABELS)

/** A local statfs takes microseconds; a file system that needs longer than this is reported as not answering. */
const MOUNT_TIMEOUT_MS = 2_000
/**
 * A statfs that hangs keeps a thread of the runtime's pool, which has four, and with all four gone nothing of the agent
 * could read a file again. From this many on, whatever may hang is asked through a child, which costs no thread.
 */
const MOST_STUCK = 2
const CHILD_EVERY_MS = 60_000
/** A child that was given up may still be there in uninterruptible sleep: the next one waits this long. */
const CHILD_AFTER_HANG_MS = 300_000
const CHILD_OPTIONS = { timeoutMs: 3_000, maxBytes: 1024 * 1024 } as const

type Probe = { readonly kind: 'usage'; readonly usage: Usage } | { readonly kind: 'error' } | { readonly kind: 'unknown' }

/** What is kept about one host between ticks. */
interface Kept {
  table: string
  mounts: readonly Mount[]
  /** Mount points that the kernel answers for from memory. */
  atOnce: ReadonlySet<string>
  /** Mount points whose statfs has not come back. */
  readonly inFlight: Set<string>
  /** Of those, the ones past their time: they may never come back. */
  readonly stuck: Set<string>
  local: { nextAt: number; usage: ReadonlyMap<string, Usage>; running: boolean; failed: boolean }
  readonly single: Map<string, { nextAt: number; probe: Probe; running: boolean }>
}

const keptByHost = new WeakMap<Host, Kept>()

function keptOf(host: Host): Kept {
  let kept = keptByHost.get(host)
  if (kept === undefined) {
    kept = {
      table: '',
      mounts: [],
      atOnce: new Set(),
      inFlight: new Set(),
      stuck: new Set(),
      local: { nextAt: Number.NEGATIVE_INFINITY, usage: new Map(), running: false, failed: false },
      single: new Map(),
    }
    keptByHost.set(host, kept)
  }
  return kept
}

/** The mounts of PID 1, since the agent's own view may be a sandbox of its unit (all of it read-only, its own /tmp). */
function* readTable(host: Host): Steps<string> {
  try {
    return yield* settled(host.read('/proc/1/mounts'))
  } catch {
    // hidepid or a container without PID 1: the own table is the next best; its error is the one worth telling.
    return yield* settled(host.read('/proc/self/mounts'))
  }
}

function fromStatfs(sizes: FileSystemSizes): Usage {
  return {
    sizeBytes: sizes.blocks * sizes.blockSize,
    freeBytes: sizes.blocksFree * sizes.blockSize,
    availableBytes: sizes.blocksAvailable * sizes.blockSize,
    files: sizes.files,
    filesFree: sizes.filesFree,
  }
}

/** One statfs, given up after its time but left in flight until it really ends. */
function askStatfs(kept: Kept, statfs: NonNullable<Host['statfs']>, mountPoint: string): Promise<Probe> {
  if (kept.inFlight.has(mountPoint)) return Promise.resolve({ kind: 'error' })
  kept.inFlight.add(mountPoint)
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      kept.stuck.add(mountPoint)
      resolve({ kind: 'error' })
    }, MOUNT_TIMEOUT_MS)
    const done = (probe: Probe): void => {
      clearTimeout(timer)
      kept.inFlight.delete(mountPoint)
      kept.stuck.delete(mountPoint)
      resolve(probe)
    }
    statfs(mountPoint).then(
      (sizes) => done({ kind: 'usage', usage: fromStatfs(sizes) }),
      () => done({ kind: 'error' }),
    )
  })
}

function textOf(result: RunResult): string | undefined {
  // df ends with 1 when one of many mounts could not be read and still prints the others.
  return result.kind === 'exited' && result.stdout !== '' ? result.stdout : undefined
}

/** Whether the time has come, or lies so far ahead that the clock must have been set back. */
function isDue(nextAt: number, now: number): boolean {
  return now >= nextAt || nextAt - now > CHILD_AFTER_HANG_MS
}

/** All local file systems by one run of `df`, at most once a minute; a run that is still out is not started again. */
async function askLocalDf(host: Host, kept: Kept, now: number): Promise<void> {
  const { local } = kept
  local.running = true
  local.nextAt = now + CHILD_EVERY_MS
  try {
    const result = await host.run(DF, CHILD_OPTIONS)
    if (result.kind === 'hung') local.nextAt = now + CHILD_AFTER_HANG_MS
    const text = textOf(result)
    local.failed = text === undefined
    local.usage = text === undefined ? new Map() : parseUsage(text, kept.mounts)
  } finally {
    local.running = false
  }
}

/** What `stat -f` is asked for: block size, blocks, free, available, inodes, free inodes. */
const STAT_FORMAT = '%S %b %f %a %c %d'

function parseStat(text: string): Usage | undefined {
  if (!/^\d+(?: \d+){5}\s*$/.test(text)) return undefined
  const [blockSize = 0, blocks = 0, blocksFree = 0, blocksAvailable = 0, nodes = 0, nodesFree = 0] = text.trim().split(' ').map(Number)
  return fromStatfs({ type: 0, blockSize, blocks, blocksFree, blocksAvailable, files: nodes, filesFree: nodesFree })
}

/**
 * One mount that may hang, by a `stat -f` of its own. Not by `df`: a host starts no program again of which one hangs, so
 * a dead server would end the figures of the local file systems too.
 */
async function askOneByOne(host: Host, kept: Kept, mount: Mount, now: number): Promise<Probe> {
  let one = kept.single.get(mount.mountPoint)
  if (one === undefined) {
    one = { nextAt: Number.NEGATIVE_INFINITY, probe: { kind: 'unknown' }, running: false }
    kept.single.set(mount.mountPoint, one)
  }
  if (one.running || !isDue(one.nextAt, now)) return one.probe
  one.running = true
  one.nextAt = now + CHILD_EVERY_MS
  const startedAt = performance.now()
  try {
    const result = await host.run(['stat', '-f', '-c', STAT_FORMAT, '--', mount.mountPoint], CHILD_OPTIONS)
    const usage = result.kind === 'exited' ? parseStat(result.stdout) : undefined
    if (result.kind === 'hung') one.nextAt = now + CHILD_AFTER_HANG_MS
    // A `hung` before its time means that it was not even asked, because the `stat` of another mount still hangs.
    const asked = result.kind === 'exited' || performance.now() - startedAt >= CHILD_OPTIONS.timeoutMs / 2
    if (usage !== undefined) one.probe = { kind: 'usage', usage }
    else one.probe = { kind: asked ? 'error' : 'unknown' }
    return one.probe
  } finally {
    one.running = false
  }
}

function askAtOnce(statfs: NonNullable<Host['statfsAtOnce']>, mountPoint: string): Probe {
  try {
    return { kind: 'usage', usage: fromStatfs(statfs(mountPoint)) }
  } catch {
    return { kind: 'error' }
  }
}

function ask(host: Host, kept: Kept, mount: Mount, now: number): Probe | Promise<Probe> {
  const { statfs, statfsAtOnce } = host
  if (statfsAtOnce !== undefined && kept.atOnce.has(mount.mountPoint)) return askAtOnce(statfsAtOnce, mount.mountPoint)
  const throughChild = statfs === undefined || (kept.stuck.size >= MOST_STUCK && !kept.inFlight.has(mount.mountPoint))
  if (throughChild && mayHang(mount)) return askOneByOne(host, kept, mount, now)
  if (statfs !== undefined) return askStatfs(kept, statfs, mount.mountPoint)
  const usage = kept.local.usage.get(mount.mountPoint)
  return usage === undefined ? { kind: 'unknown' } : { kind: 'usage', usage }
}

function put(out: Sink, mount: Mount, probe: Probe): void {
  // Nothing is known: left out, since both a size of 0 and an error of the device would be made up.
  if (probe.kind === 'unknown') return
  const sample = (spec: SeriesSpec, value: number): void =>
    out.sample(out.series(spec, mount.device, mount.mountPoint, mount.fsType), value)
  sample(deviceError, probe.kind === 'error' ? 1 : 0)
  if (probe.kind === 'error') return
  sample(readOnly, mount.readOnly ? 1 : 0)
  sample(size, probe.usage.sizeBytes)
  sample(free, probe.usage.freeBytes)
  sample(available, probe.usage.availableBytes)
  sample(files, probe.usage.files)
  sample(filesFree, probe.usage.filesFree)
}

/**
 * Sizes of mounted file systems, bytes and inodes. A mount that does not answer says `node_filesystem_device_error` 1 and
 * nothing else, and delays nobody: one call is in flight per mount, and whoever hangs is not waited for twice.
 */
export const filesystem = stepped({
  name: 'filesystem',
  cadence: 'tick',
  timeoutMs: 10_000,
  series: [size, free, available, files, filesFree, readOnly, deviceError],
  *steps(host, out) {
    const kept = keptOf(host)
    const table = yield* readTable(host)
    if (table !== kept.table) {
      kept.table = table
      kept.mounts = parseMounts(table)
      kept.atOnce = answeringAtOnce(table)
      for (const place of kept.single.keys()) if (!kept.mounts.some((mount) => mount.mountPoint === place)) kept.single.delete(place)
    }
    const now = host.now()
    // Most ticks have nothing to ask `df`, and then nothing to wait for.
    if (host.statfs === undefined && !kept.local.running && isDue(kept.local.nextAt, now)) yield* settled(askLocalDf(host, kept, now))
    const answers = kept.mounts.map((mount) => ask(host, kept, mount, now))
    // Only what must be waited for is waited for: usually nothing, and the source is done in one go.
    for (const [index, mount] of kept.mounts.entries()) put(out, mount, yield* settled(answers[index] ?? { kind: 'unknown' }))
    if (host.statfs === undefined && kept.local.failed) {
      return { kind: 'failed', error: new Error('filesystem: df gave no sizes of local file systems') }
    }
    return ok
  },
})

import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createBatcher } from './batch.ts'
import type { AgentSettings } from './config.ts'
import type { Host } from './host.ts'
import { type Identity, saveIdentity } from './link/identity.ts'
import { type Link, startLink } from './link/run.ts'
import { lockHome } from './lock.ts'
import type { Log } from './log.ts'
import { type AgentStats, statsSource } from './self-metrics.ts'
import { type Reading, createCollector } from './sources/schedule.ts'
import type { Source } from './sources/source.ts'
import { diskFiles } from './spool/files.ts'
import { openSpool, type Spool } from './spool/spool.ts'

/** Most series over all groups: what the collector takes of one agent by default. */
const SERIES_LIMIT = 50_000
const LARGEST_SEGMENT = 1024 * 1024

export interface AgentOptions {
  readonly home: string
  readonly settings: AgentSettings
  readonly identity: Identity
  readonly host: Host
  readonly sources: readonly Source[]
  readonly version: string
  readonly log: Log
}

export interface Agent {
  readonly stats: () => AgentStats
  /** Says goodbye, keeps what was not acknowledged, gives the home folder back. Takes at most 3 s. */
  stop(): Promise<void>
}

/**
 * When the next reading is due: at whole multiples of the interval, shifted per agent so that a thousand of them do not
 * send in the same second. Never sooner than a quarter of an interval, because timers may fire a little early.
 */
export function nextTickMs(nowMs: number, intervalMs: number, instance: string): number {
  const phase = (createHash('sha256').update(instance).digest().readUInt32LE(0) / 2 ** 32) * intervalMs
  const rest = intervalMs - ((((nowMs - phase) % intervalMs) + intervalMs) % intervalMs)
  return Math.round(rest < intervalMs / 4 ? rest + intervalMs : rest)
}

async function readLine(host: Host, path: string): Promise<string> {
  try {
    return (await host.read(path)).trim()
  } catch {
    // Containers have no machine id, and a boot id is missing on no Linux; '' means unknown to the collector.
    return ''
  }
}

/** Wires sources, spool and link, and starts them. Throws where the home folder cannot be used. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { home, settings, host, log } = options
  let { identity } = options
  const bootId = await readLine(host, '/proc/sys/kernel/random/boot_id')
  const machineId = await readLine(host, '/etc/machine-id')
  const unlock = lockHome(home, bootId)
  const spool = openSpool({
    files: diskFiles(join(home, 'spool')),
    maxBytes: settings.spoolBytes,
    segmentBytes: Math.min(LARGEST_SEGMENT, Math.floor(settings.spoolBytes / 8)),
    bootId,
    newEpoch: () => randomBytes(16).toString('hex'),
  })
  let onHeartbeat = (): void => undefined
  const link = startLink({
    spool,
    identity: () => ({ ...identity, collectors: [...(settings.collectors ?? identity.collectors)] }),
    saveIdentity(next) {
      const kept = { ...next, collectors: identity.collectors }
      saveIdentity(home, kept)
      identity = kept
    },
    about: { agent: { version: options.version, node: process.version, pid: process.pid }, host: { hostname: hostname(), machineId, bootId }, intervalMs: settings.intervalMs },
    log,
    wallClock: () => Date.now(),
    clock: () => performance.now(),
    random: Math.random,
    onHeartbeat: () => onHeartbeat(),
  })
  log('info', 'agent: started', { version: options.version, node: process.version, instance: identity.instance, home, pending: spool.state().pending, next: spool.next() })

  let tooLarge = 0
  const stats = (): AgentStats => statsOf(spool, link, tooLarge)
  const collector = createCollector({
    host,
    sources: [...options.sources, statsSource(stats)],
    intervalMs: settings.intervalMs,
    disabled: settings.disabled,
    seriesLimit: SERIES_LIMIT,
    version: options.version,
  })
  const batcher = createBatcher(collector.columns)
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let before = { dropped: 0, diskErrors: 0, tooLarge: 0 }

  const tellLosses = (): void => {
    const { droppedSamples, droppedOthers, droppedBatches, damaged, diskErrors } = spool.counts
    const now = { dropped: droppedSamples + droppedOthers + droppedBatches + damaged, diskErrors, tooLarge }
    if (now.dropped > before.dropped) log('error', 'spool: data was given up', { droppedSamples, droppedOthers, droppedBatches, damaged })
    if (now.diskErrors > before.diskErrors) log('error', 'spool: the disk refuses; new data are kept in memory and sent from there', { diskErrors, inMemory: spool.state().inMemory })
    if (now.tooLarge > before.tooLarge) log('error', 'batch: facts are too large to send', { tooLarge })
    before = now
  }
  const tick = async (): Promise<void> => {
    // What the collector has acknowledged is durable there, so a disk flush here would buy nothing: nearly always the last
    // batch is, and the disk is left alone. Otherwise it goes to disk now, and at once while there is no connection.
    if (spool.newest() !== undefined) await spool.sync(performance.now())
    await send(await collector.tick(host.now(), stopping.signal))
  }
  const look = async (): Promise<void> => {
    const reading = await collector.between(host.now(), stopping.signal)
    if (reading !== undefined) await send(reading)
  }
  const send = async (reading: Reading): Promise<void> => {
    const split = batcher.split(reading)
    tooLarge += split.tooLarge
    for (const body of split.bodies) link.offer(spool.append(body, batcher.columns))
    tellLosses()
    if (link.state() !== 'live') await spool.sync(performance.now())
  }
  let running: Promise<void> = Promise.resolve()
  let busy = false
  /** One reading at a time, each after the one before. */
  const run = (work: () => Promise<void>): Promise<void> => {
    running = running.then(async () => {
      busy = true
      try {
        await work()
      } catch (error) {
        log('error', 'agent: a reading failed as a whole', { error })
      }
      busy = false
    })
    return running
  }
  const loop = (): void => {
    void run(tick).then(() => {
      if (!stopping.signal.aborted) timer = setTimeout(loop, nextTickMs(host.now(), settings.intervalMs, identity.instance))
    })
  }
  // A timer of its own would wake the process: 0.1 CPU s/h for two looks a tick. With no link nobody could be told anyway.
  onHeartbeat = () => {
    if (collector.pushes && !busy && !stopping.signal.aborted) void run(look)
  }
  loop()

  return {
    stats,
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await running
      await link.stop()
      await spool.close()
      unlock()
      log('info', 'agent: stopped', { pending: spool.state().pending })
    },
  }
}

function statsOf(spool: Spool, link: Link, tooLarge: number): AgentStats {
  const ackAt = link.lastAckAt()
  return {
    spool: spool.state(),
    spoolCounts: spool.counts,
    link: link.counts,
    live: link.state() === 'live',
    ackAgeSeconds: ackAt === undefined ? undefined : Math.round((performance.now() - ackAt) / 100) / 10,
    tooLarge,
  }
}

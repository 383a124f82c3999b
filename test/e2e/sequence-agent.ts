/**
 * The product's agent (`startAgent`: its schedule, spool and link) with one source of the test's, whose readings are
 * journalled and synced before the spool gets them. To be killed at any moment and started again.
 *
 *   node sequence-agent.ts HOME JOURNAL COLLECTOR INTERVAL_MS [drain]
 *
 * `drain`: reads nothing of its own, ends as soon as the spool waits for no acknowledgement.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { localHost } from '../../agent/host-local.ts'
import { loadIdentity } from '../../agent/link/identity.ts'
import { createLog } from '../../agent/log.ts'
import { type Agent, startAgent } from '../../agent/run.ts'
import { type Source, ok } from '../../agent/sources/source.ts'
import { readEntry, scanSegment } from '../../agent/spool/segment.ts'
import { METRIC_NAME } from '../../protocol/series.ts'
import { EVENT_EVERY, type JournalLine, cellsOf, checkOf, eventOf, readJournal, sequenceSpecs, tickSpec, uptimeOf } from './sequence.ts'

/** Ticks whose batches lie in the spool's folder. */
function ticksIn(spool: string): number[] {
  if (!existsSync(spool)) return []
  const ticks: number[] = []
  for (const name of readdirSync(spool).filter((each) => each.endsWith('.seg')).sort()) {
    const bytes = readFileSync(join(spool, name))
    const scan = scanSegment(bytes)
    for (const entry of scan.entries) {
      const found = readEntry(bytes, scan, entry)
      for (const row of found?.batch.rows ?? []) {
        const column = found?.columns(row.group).findIndex((labels) => labels[METRIC_NAME] === tickSpec.name) ?? -1
        const n = row.values[column]
        if (n !== undefined && !Number.isNaN(n)) ticks.push(n)
      }
    }
  }
  return ticks
}

function epochIn(spool: string): string {
  try {
    return readFileSync(join(spool, 'epoch'), 'utf8').split('\n')[0] ?? ''
  } catch {
    // The first start: there is none yet.
    return ''
  }
}

const [home = '', journalPath = '', collector = '', interval = '', mode] = process.argv.slice(2)
const identity = loadIdentity(home)
if (identity === undefined) throw new Error(`not enrolled: ${home}`)
const before = existsSync(journalPath) ? readJournal(readFileSync(journalPath, 'utf8')) : []
const journal = openSync(journalPath, 'a')
const write = (line: JournalLine): void => {
  writeSync(journal, `${JSON.stringify(line)}\n`)
  fsyncSync(journal)
}
const life = 1 + before.reduce((most, line) => Math.max(most, line.life), 0)
let next = 1 + before.reduce((most, line) => (line.kind === 'tick' ? Math.max(most, line.n) : most), 0)
write({ kind: 'life', life, epoch: epochIn(join(home, 'spool')), kept: ticksIn(join(home, 'spool')) })

const local = localHost()
/** What the schedule was told last: the time of the tick that is being read. */
let tickAt = 0
const host = { ...local, now: () => (tickAt = local.now()) }
let agent: Agent | undefined

const source: Source = {
  name: 'sequence',
  cadence: 'tick',
  timeoutMs: 1_000,
  series: sequenceSpecs,
  read(_host, out) {
    const n = next++
    const at = tickAt
    const stats = agent?.stats()
    const lost = stats === undefined ? 0 : stats.spoolCounts.droppedBatches + stats.spoolCounts.damaged
    const refused = stats === undefined ? 0 : [...stats.link.refused.values()].reduce((sum, each) => sum + each, 0)
    write({
      kind: 'tick', life, n, at, uptime: uptimeOf(readFileSync('/proc/uptime', 'latin1')), dropped: lost, refused,
      diskErrors: stats?.spoolCounts.diskErrors ?? 0, late: stats?.link.batchesLate ?? 0, sent: stats?.link.batchesSent ?? 0,
    })
    for (const { spec, values, value } of cellsOf(n)) {
      const series = out.series(spec, ...values)
      if (value !== undefined) out.sample(series, value)
    }
    const event = eventOf(n)
    if (event !== undefined) out.event({ kind: 'sequence', rule: `every-${EVENT_EVERY}`, severity: 'info', at, text: event, labels: { n: String(n) } })
    const check = checkOf(n)
    if (check !== undefined) out.check({ check: 'sequence', at, verdict: 'ok', text: check })
    return ok
  },
}

agent = await startAgent({
  home,
  settings: { home: undefined, collectors: [collector], intervalMs: Number(interval), disabled: [], spoolBytes: 64 * 1024 * 1024, metrics: undefined, log: 'info' },
  identity,
  host,
  sources: mode === 'drain' ? [] : [source],
  version: '0.0.0-test',
  log: createLog('info', (line) => process.stdout.write(line), Date.now),
})
const stopping = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
if (mode === 'drain') {
  while (agent.stats().spool.pending > 0 || !agent.stats().live) await delay(20)
  process.stdout.write('drained\n')
} else await stopping
await agent.stop()
closeSync(journal)

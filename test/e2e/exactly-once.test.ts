/**
 * Exactly once, with real programs: agent and collector are killed at random moments, the path between them is cut,
 * stalled, slowed down and refused, either disk fills up, the agent's clock is stepped, batches are sent again. In the
 * end every reading that the spool took lies in the store once, with its events and checks, and nothing else does.
 */
import { existsSync, readFileSync, rmSync, statSync, statfsSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { METRIC_NAME, type Labels, seriesText } from '../../protocol/series.ts'
import { full, scaled, seed } from '../scale.ts'
import { type FaultyPath, openFaultyPath } from './faulty-path.ts'
import { type Program, type RunningCollector, collectorAt, eventually, node24, privileged, root, sizedTmpfs, start, token, workFolder } from './processes.ts'
import { type RawStream, readRawStream } from './raw-rows.ts'
import { replaySpool } from './replayer.ts'
import { type JournalLine, cellsOf, checkOf, eventOf, readJournal, tickSpec, uptimeOf } from './sequence.ts'

const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
if (!privileged) console.log('exactly-once: without root no disk is filled (a sized tmpfs needs it)')
if (!existsSync(fakeTime)) console.log(`exactly-once: without ${fakeTime} no clock is stepped`)

const instance = 'sequence-01'
const INTERVAL_MS = 250
const KILLS = scaled(12, 200)

/** Numbers from 0 up to 1 (mulberry32). */
function randomOf(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A program that is started again whenever it ends, as a service manager would. */
interface Kept {
  kill(): Promise<void>
  /** Whether it may be killed or started just now. */
  held: boolean
  up(): void
  end(): Promise<number | null>
  readonly kills: () => number
  /** Ends that nobody ordered, with the last lines it printed. */
  readonly ownEnds: string[]
  readonly output: () => string
}

function keep(run: () => Program, excused: () => boolean): Kept {
  let program: Program | undefined
  let wanted = false
  let ordered: Program | undefined
  let kills = 0
  let text = ''
  const ownEnds: string[] = []
  const kept: Kept = {
    held: false,
    kills: () => kills,
    ownEnds,
    output: () => text + (program?.output() ?? ''),
    up() {
      wanted = true
      if (program !== undefined) return
      const mine = run()
      program = mine
      void mine.ended.then(async (code) => {
        if (program !== mine) return
        text = (text + mine.output()).slice(-300_000)
        program = undefined
        if (!wanted) return
        if (mine !== ordered && !excused()) ownEnds.push(`code ${code} signal ${mine.child.signalCode}: ${mine.output().slice(-1_500)}`)
        await delay(300)
        if (wanted && program === undefined) kept.up()
      })
    },
    async kill() {
      wanted = false
      const mine = program
      if (mine === undefined) return
      kills++
      ordered = mine
      await mine.end('SIGKILL')
      await delay(0)
    },
    async end() {
      wanted = false
      return program === undefined ? null : program.end('SIGTERM')
    },
  }
  return kept
}

/** Keeps a file system without room for one more byte, whatever its owner gives back, for `ms`. */
async function keepFull(folder: string, ms: number): Promise<void> {
  const path = join(folder, 'filler')
  const fd = openSync(path, 'w')
  const block = Buffer.alloc(8 * 1024 * 1024, 7)
  let rounds = 0
  let fullRounds = 0
  for (const deadline = Date.now() + ms; Date.now() < deadline; ) {
    for (let size = block.length; size > 0; ) {
      try {
        if (writeSync(fd, block, 0, size) < size) size = Math.floor(size / 2)
      } catch {
        // ENOSPC: try smaller pieces, down to a byte.
        size = Math.floor(size / 2)
      }
    }
    // Between two rounds the owner may give a piece back (a shortened log): right after filling there must be none.
    rounds++
    if (statfsSync(folder).bavail <= 8) fullRounds++
    await delay(100)
  }
  if (fullRounds * 2 < rounds) throw new Error(`${folder} was full in only ${fullRounds} of ${rounds} rounds`)
  closeSync(fd)
  rmSync(path)
}

const keyOf = (labels: Labels): string => seriesText(Object.fromEntries(Object.entries(labels).filter(([name]) => name !== 'instance' && name !== 'job')))

const expectedCells = (n: number): Map<string, number> =>
  new Map(cellsOf(n).flatMap(({ spec, values, value }) => (value === undefined ? [] : [[keyOf({ [METRIC_NAME]: spec.name, ...Object.fromEntries(spec.labels.map((name, at) => [name, values[at] ?? ''])) }), value] as const])))

describe('exactly once', () => {
  const cleanups: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean()
  })

  it(`survives ${KILLS} kills and every other fault`, { timeout: scaled(280_000, 1_800_000) }, async () => {
    console.log(`exactly-once: seed ${seed}, ${KILLS} kills`)
    const work = workFolder()
    cleanups.push(work.clean)
    const collectorHome = join(work.path, 'collector')
    const agentHome = join(work.path, 'agent')
    const spoolFolder = join(agentHome, 'spool')
    const journalPath = join(work.path, 'journal')
    const clockFile = join(work.path, 'clock')
    writeFileSync(clockFile, '+0\n')
    if (privileged) {
      cleanups.push(sizedTmpfs(collectorHome, '420m'))
      cleanups.push(sizedTmpfs(spoolFolder, '16m'))
    }
    const bootAt = Date.now() - uptimeOf(readFileSync('/proc/uptime', 'latin1')) * 1000

    const collector = await collectorAt(collectorHome, 'log: info\nstore: { minFree: 1MiB }\nrules: { shipped: false }\n')
    await collector.start()
    const path = await openFaultyPath(collector.ports.tls)
    cleanups.push(() => path.close())
    const enrol = start(node24, [join(root, 'cli', 'main.ts'), 'agent', 'enrol', '--home', agentHome, '--token', token(collector, instance)])
    expect(await enrol.ended, enrol.output()).toBe(0)
    expect(await collector.program().end('SIGTERM')).toBe(0)

    let disksFull = 0
    const clock = existsSync(fakeTime) ? { LD_PRELOAD: fakeTime, FAKETIME_TIMESTAMP_FILE: clockFile, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' } : {}
    const runAgent = (...more: string[]): Program => start(node24, [join(import.meta.dirname, 'sequence-agent.ts'), agentHome, journalPath, `https://127.0.0.1:${path.port}`, String(INTERVAL_MS), ...more], clock)
    const agent = keep(runAgent, () => disksFull > 0)
    const server = keep(() => start(node24, [join(root, 'cli', 'main.ts'), 'collector', 'run', '--home', collectorHome, '--http', `127.0.0.1:${collector.ports.http}`, '--tls', `127.0.0.1:${collector.ports.tls}`]), () => disksFull > 0)
    cleanups.push(() => agent.kill(), () => server.kill())
    server.up()
    agent.up()
    await eventually('the first readings are stored', 30_000, async () => (await collector.query(tickSpec.name))[0])

    let chaos = true
    const killing = kill(randomOf(seed), agent, server, journalPath, () => chaos)
    const tally = await injectFaults({ random: randomOf(seed + 1), agent, server, path, collector, agentHome, collectorHome, spoolFolder, clockFile, kills: () => agent.kills() + server.kills(), full: (by) => (disksFull += by) })
    chaos = false
    await killing
    const kills = agent.kills() + server.kills()

    // Everything works again and drains.
    path.set('pass')
    server.up()
    await eventually('the collector answers', 40_000, async () => (await fetch(`${collector.http}/healthz`, { signal: AbortSignal.timeout(2_000) })).ok)
    agent.up()
    await delay(2 * INTERVAL_MS)
    await agent.end()
    const drain = runAgent('drain')
    cleanups.push(async () => void (await drain.end('SIGKILL')))
    const drained = await Promise.race([drain.ended, delay(60_000, 'late' as const)])
    expect(drained, `the spool drains: ${drain.output().slice(-3_000)}`).toBe(0)

    const journal = readJournal(readFileSync(journalPath, 'utf8'))
    const answer = await answeredTicks(collector)
    const shown = await collector.get<{ events: { kind: string; text: string }[] }>(`/api/zhishou/v1/hosts/${instance}`)
    const gaps = await gapsRight(collector, journal, answer)
    expect(await server.end()).toBe(0)
    const raw = readRawStream(collectorHome, join(work.path, 'scratch'), instance, keyOf)
    const verdict = judge(journal, raw, answer, bootAt)
    console.log(`exactly-once: ${JSON.stringify({ kills, agentKills: agent.kills(), collectorKills: server.kills(), lives: journal.filter((line) => line.kind === 'life').length, connections: path.taken(), ...tally, ...verdict.figures })}`)

    expect(agent.ownEnds, 'the agent ended by itself').toEqual([])
    expect(server.ownEnds, 'the collector ended by itself').toEqual([])
    expect(verdict.faults).toEqual([])
    expect(gaps).toEqual([])
    const texts = shown.events.filter((event) => event.kind === 'sequence').map((event) => event.text)
    expect(texts.length).toBeGreaterThan(0)
    expect(new Set(texts).size, 'an event is shown twice').toBe(texts.length)
    expect(raw.damaged).toBe(0)
    // The test did what it says.
    if (privileged) {
      expect(server.output(), 'batches refused for lack of room').toContain('the collector has no room')
      expect(verdict.figures.diskErrors, 'writes of the spool that the disk refused').toBeGreaterThan(2)
    }
    expect(kills).toBeGreaterThanOrEqual(KILLS)
    for (const what of ['cuts', 'stalls', 'slows', 'refusals', 'replays', ...(privileged ? (['collectorFull', 'agentFull'] as const) : []), ...(existsSync(fakeTime) ? (['clockSteps'] as const) : [])] as const) {
      expect(tally[what], what).toBeGreaterThanOrEqual(scaled(2, 5))
    }
    expect(tally.replayed, 'batches sent again that were accepted').toBeGreaterThan(0)
    expect(verdict.figures.lateBatches).toBeGreaterThan(0)
    expect(verdict.figures.stored).toBeGreaterThan(full ? 1_500 : 150)
  })
})

/** Kills one of the two, or both, at random moments, also while they start. */
async function kill(random: () => number, agent: Kept, server: Kept, journalPath: string, goesOn: () => boolean): Promise<void> {
  while (goesOn() && agent.kills() + server.kills() < KILLS) {
    // Often soon, sometimes late: while it starts, while it replays its log, while it runs.
    await delay(200 + random() ** 2 * (full ? 7_000 : 11_000))
    const which = random()
    const victims = which < 0.5 ? [agent] : which < 0.92 ? [server] : [agent, server]
    const pause = random() ** 2 * 1_500
    // More than half of them while a reading is under way: read, appended, sent, received, committed, acknowledged.
    if (random() < 0.6) {
      await grown(journalPath, 2_000)
      await delay(random() * 45)
    }
    await Promise.all(
      victims.filter((one) => !one.held).map(async (one) => {
        await one.kill()
        await delay(pause)
        if (!one.held) one.up()
      }),
    )
  }
}

/** Resolves when the file has become longer, or after `timeoutMs`. */
async function grown(path: string, timeoutMs: number): Promise<void> {
  const before = statSync(path).size
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline && statSync(path).size === before; ) await delay(3)
}

interface Faults {
  readonly random: () => number
  readonly agent: Kept
  readonly server: Kept
  readonly path: FaultyPath
  readonly collector: RunningCollector
  readonly agentHome: string
  readonly collectorHome: string
  readonly spoolFolder: string
  readonly clockFile: string
  readonly kills: () => number
  readonly full: (by: number) => void
}

async function injectFaults(faults: Faults): Promise<{ replayed: number; resent: number; cuts: number; stalls: number; slows: number; refusals: number; collectorFull: number; agentFull: number; clockSteps: number; replays: number }> {
  const { random, agent, server, path, collector } = faults
  const tally = { replayed: 0, resent: 0, cuts: 0, stalls: 0, slows: 0, refusals: 0, collectorFull: 0, agentFull: 0, clockSteps: 0, replays: 0 }
  const between = (low: number, high: number): Promise<void> => delay(low + random() * (high - low))
  const live = (): Promise<unknown> => eventually('readings arrive', 90_000, async () => ((await collector.query(`time() - timestamp(${tickSpec.name}{instance="${instance}"})`))[0]?.value ?? 99) < 2, 250)

  const cut = async (): Promise<void> => {
    for (let count = 3; count > 0; count--) {
      tally.cuts++
      path.cut()
      await between(100, 1_500)
    }
  }
  const stall = async (): Promise<void> => {
    tally.stalls++
    path.set('stall')
    await between(full ? 1_000 : 12_500, 14_500)
    path.set('pass')
  }
  const slow = async (): Promise<void> => {
    tally.slows++
    path.set('slow')
    await between(3_000, 6_000)
    path.set('pass')
  }
  const refuse = async (): Promise<void> => {
    tally.refusals++
    path.set('refuse')
    path.cut()
    await between(1_000, 4_000)
    path.set('pass')
  }
  const fillCollector = async (): Promise<void> => {
    if (!privileged) return
    await live()
    tally.collectorFull++
    faults.full(1)
    await keepFull(faults.collectorHome, 3_500 + random() * 2_500)
    await delay(1_500)
    faults.full(-1)
  }
  const fillAgent = async (): Promise<void> => {
    if (!privileged) return
    // What only memory holds dies with a kill, by design: so nobody is killed here.
    agent.held = true
    server.held = true
    agent.up()
    server.up()
    await live()
    tally.agentFull++
    // Every second time with a backlog: the collector cannot be reached, and nothing of what waits may go.
    const alone = tally.agentFull % 2 === 0
    if (alone) {
      path.set('refuse')
      path.cut()
      await between(500, 2_000)
    }
    // Long enough to use up the room in the last page, short enough for what memory holds (64 batches).
    await keepFull(faults.spoolFolder, 6_000 + random() * 2_000)
    path.set('pass')
    await delay(6 * INTERVAL_MS)
    agent.held = false
    server.held = false
  }
  const stepClock = async (): Promise<void> => {
    if (!existsSync(fakeTime)) return
    tally.clockSteps++
    writeFileSync(faults.clockFile, full && random() < 0.5 ? '-3600\n' : '+3600\n')
    await between(4_000, 7_000)
    writeFileSync(faults.clockFile, '+0\n')
  }
  const replay = async (): Promise<void> => {
    agent.held = true
    server.held = true
    server.up()
    agent.up()
    await live()
    await agent.kill()
    tally.replays++
    const outcome = await replaySpool(faults.agentHome, collector.tls, 20_000)
    tally.replayed += outcome.known
    tally.resent += outcome.fresh
    agent.up()
    agent.held = false
    server.held = false
  }

  const all = [cut, stall, slow, refuse, fillCollector, fillAgent, stepClock, replay]
  for (let rounds = 0; rounds < 2 || faults.kills() < KILLS; rounds++) {
    for (const fault of shuffled(all, random)) {
      await fault()
      await between(300, 2_000)
    }
  }
  return tally
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const left = [...list]
  return Array.from(list, () => left.splice(Math.floor(random() * left.length), 1)).flat()
}

type Answer = readonly { readonly at: number; readonly n: number }[]
const REACH = '6h'

/** Every sample of the tick series as the Prometheus API gives it. */
async function answeredTicks(collector: RunningCollector): Promise<Answer> {
  const query = new URLSearchParams({ query: `${tickSpec.name}{instance="${instance}"}[${REACH}]`, time: String((Date.now() + 660_000) / 1000) })
  const reply = await collector.get<{ data: { result: { values: [number, string][] }[] } }>(`/api/v1/query?${query.toString()}`)
  expect(reply.data.result).toHaveLength(1)
  return reply.data.result[0]!.values.map(([at, value]) => ({ at: Math.round(at * 1000), n: Number(value) }))
}

/** Faults of the series that comes and goes, asked for at the times of some ticks. */
async function gapsRight(collector: RunningCollector, journal: readonly JournalLine[], answer: Answer): Promise<string[]> {
  const faults: string[] = []
  const told = new Map(journal.flatMap((line) => (line.kind === 'tick' ? [[line.n, line.at] as const] : [])))
  const plain = answer.filter(({ at, n }) => told.get(n) === at && told.get(n - 1) !== undefined)
  for (const { at, n } of plain.filter((_, index) => index % Math.ceil(plain.length / 40) === 0)) {
    const [found] = await collector.query(`sequence_now_and_then{instance="${instance}"}`, at)
    const expected = cellsOf(n).find(({ spec }) => spec.name === 'sequence_now_and_then')?.value
    if (found?.value !== expected) faults.push(`tick ${n} at ${at}: sequence_now_and_then is ${found?.value}, not ${expected}`)
  }
  return faults
}

interface Figures {
  readonly [name: string]: number
  readonly stored: number
  readonly lateBatches: number
  readonly diskErrors: number
}

/** Compares what was read with what is stored. Every fault is a sentence. */
function judge(journal: readonly JournalLine[], raw: RawStream, answer: Answer, bootAt: number): { readonly faults: readonly string[]; readonly figures: Figures } {
  const faults: string[] = []
  const ticks = new Map<number, Extract<JournalLine, { kind: 'tick' }>>()
  const lives = new Map<number, Extract<JournalLine, { kind: 'tick' }>[]>()
  const kept = new Set<number>()
  for (const line of journal) {
    if (line.kind === 'life') for (const n of line.kept) kept.add(n)
    else {
      if (ticks.has(line.n)) throw new Error(`the journal has tick ${line.n} twice`)
      ticks.set(line.n, line)
      lives.set(line.life, [...(lives.get(line.life) ?? []), line])
    }
  }
  // A tick that a later one of the same life follows was taken by the spool; the last one was if it lay there afterwards.
  const must = new Set(kept)
  for (const life of lives.values()) for (const line of life.slice(0, -1)) must.add(line.n)

  const tickKey = keyOf({ [METRIC_NAME]: tickSpec.name })
  const stored = new Map<number, { at: number; place: string; late: boolean; group: string }[]>()
  const times = new Map<number, number[]>()
  for (const row of raw.rows) {
    const n = row.cells.get(tickKey)
    if (n === undefined) {
      if ([...row.cells.keys()].some((key) => key.startsWith('sequence_'))) faults.push(`a row at ${row.at} has parts of a tick without its number`)
      continue
    }
    stored.set(n, [...(stored.get(n) ?? []), { at: row.at, place: row.place, late: row.late, group: row.group }])
    times.set(row.at, [...(times.get(row.at) ?? []), n])
    const cells = [...row.cells].filter(([key]) => key.startsWith('sequence_'))
    const wanted = expectedCells(n)
    if (cells.length !== wanted.size || cells.some(([key, value]) => !Object.is(wanted.get(key), value))) faults.push(`tick ${n}: stored ${JSON.stringify(cells)}, read ${JSON.stringify([...wanted])}`)
  }
  const describe_ = (n: number): string => JSON.stringify({ n, journal: ticks.get(n), stored: stored.get(n), kept: kept.has(n) })
  for (const n of must) if (!stored.has(n)) faults.push(`missing: ${describe_(n)}`)
  for (const [n, places] of stored) {
    if (places.length > 1) faults.push(`stored ${places.length} times: ${describe_(n)}`)
    if (!ticks.has(n)) faults.push(`never read: ${describe_(n)}`)
  }

  // Times: as read where the agent's clock was right; never in the future where it was not.
  let stepped = 0
  let equalTimes = 0
  let worstMs = 0
  for (const [n, places] of stored) {
    const line = ticks.get(n)
    if (line === undefined) continue
    const trueAt = bootAt + line.uptime * 1000
    for (const { at } of places) {
      if (Math.abs(line.at - trueAt) < 10_000) {
        if (at !== line.at) faults.push(`tick ${n} was read at ${line.at} and is stored at ${at}`)
      } else {
        stepped++
        worstMs = Math.max(worstMs, Math.abs(at - trueAt))
        if (at > Date.now()) faults.push(`tick ${n}, read under a stepped clock, is stored in the future: ${describe_(n)}`)
      }
    }
  }
  for (const [at, ns] of times) {
    if (ns.length === 1) continue
    equalTimes += ns.length - 1
    faults.push(`ticks ${ns.join(', ')} have one time, ${at}: an answer can show only one of them`)
  }
  // The answer: each tick once, ascending in time.
  const counts = new Map<number, number>()
  for (const { n } of answer) counts.set(n, (counts.get(n) ?? 0) + 1)
  for (const n of stored.keys()) if (counts.get(n) !== 1) faults.push(`the API shows tick ${n} ${counts.get(n) ?? 0} times: ${describe_(n)}`)
  for (const n of counts.keys()) if (!stored.has(n)) faults.push(`the API shows tick ${n}, which is not stored`)
  for (let index = 1; index < answer.length; index++) if (answer[index]!.at <= answer[index - 1]!.at) faults.push(`the API's samples do not ascend at ${answer[index]!.at}`)

  compare('event', raw.events.filter((event) => event.kind === 'sequence').map((event) => event.text), eventOf, must, ticks, faults)
  compare('check', raw.checks.filter((check) => check.check === 'sequence').map((check) => check.text), checkOf, must, ticks, faults)

  const last = [...lives.values()].map((life) => life.at(-1)!)
  const figures = {
    read: ticks.size, taken: must.size, stored: stored.size, events: raw.events.filter((event) => event.kind === 'sequence').length,
    inChunks: [...stored.values()].flat().filter((place) => place.place === 'chunk').length,
    lateRows: [...stored.values()].flat().filter((place) => place.late).length,
    lateBatches: last.reduce((sum, line) => sum + line.late, 0), sentBatches: last.reduce((sum, line) => sum + line.sent, 0),
    givenUp: last.reduce((sum, line) => sum + line.dropped, 0), refusedForGood: last.reduce((sum, line) => sum + line.refused, 0),
    diskErrors: last.reduce((sum, line) => sum + line.diskErrors, 0), stepped, equalTimes, worstSteppedErrorMs: Math.round(worstMs),
  }
  return { faults: faults.length > 40 ? [...faults.slice(0, 40), `… and ${faults.length - 40} more`] : faults, figures }
}

function compare(what: string, texts: readonly string[], textOf: (n: number) => string | undefined, must: ReadonlySet<number>, ticks: ReadonlyMap<number, unknown>, faults: string[]): void {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  const allowed = new Set([...ticks.keys()].flatMap((n) => textOf(n) ?? []))
  for (const [text, count] of counts) {
    if (count > 1) faults.push(`${what} "${text}" is stored ${count} times`)
    if (!allowed.has(text)) faults.push(`${what} "${text}" never happened`)
  }
  for (const n of must) {
    const text = textOf(n)
    if (text !== undefined && !counts.has(text)) faults.push(`${what} "${text}" is missing`)
  }
}

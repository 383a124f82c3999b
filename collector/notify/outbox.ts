/**
 * What is still owed to people, and the loop that pays it. A message is queued in the transaction of its cause, and
 * leaves `queued`/`sending` only together with a receipt, so a crash loses none and nothing with a receipt goes twice.
 *
 * One window remains, as in every mail system: a relay may have taken a message while our receipt is not yet on disk.
 * A crash in that window sends it once more, under the same Message-ID, by which people's mail programs and we tell it
 * is the same one; the receipt of the first attempt then reads `interrupted`.
 */
import type { Overview } from '../../protocol/api.ts'
import type { SeriesValue } from '../incidents/series.ts'
import { METRIC_NAME } from '../../protocol/series.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import type { Json } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { attempt, attemptSignal, mayHaveGone } from './attempt.ts'
import type { ChannelProblem } from './channel-problem.ts'
import { channelRun, noteTakedown, worksNow } from './channel-run.ts'
import type { ChannelRun } from './channel-run.ts'
import type { Channel, Detail, Health, Rendered, SendOutcome } from './channel.ts'
import { memoryMs } from './digest.ts'
import { claimNext, claimTogether, enqueue, enqueueClaimed, forgetSends, giveUp, nothingSpent, owed, recoverInterrupted, settle, supersede, usedSegments } from './outbox-storage.ts'
import type { Claimed, OutboxItem, Spent, Standing } from './outbox-storage.ts'
import { againAfter, retryDelayMs, take } from './pace.ts'
import { wordsFor } from './outbox-words.ts'
import type { Worded } from './outbox-words.ts'
import { pause } from './pause.ts'
import { allDown } from './second-channel.ts'
import type { Standing as ChannelStandings } from './second-channel.ts'
import { budgetStanding } from './sms-budget.ts'
import type { BudgetStanding } from './sms-budget.ts'
import { standingWords } from './standing-words.ts'
import type { Subject } from './subject.ts'
import { testMessage } from './test-message.ts'

/** How often a channel that has nothing to send is tried. */
const CHECK_MS = 300_000
/** How often messages that are too old are given up. */
const EXPIRE_MS = 60_000
/** How long a channel's loop sleeps at most: a clock that steps must not keep messages waiting. */
const LONGEST_SLEEP_MS = 15_000
/** Pause before writing a receipt again that could not be written. */
const RECEIPT_RETRY_MS = 1_000
/** How long `stop` waits for the attempt under way. */
const STOP_GRACE_MS = 5_000

export interface OutboxDependencies {
  readonly state: State
  readonly channels: readonly Channel[]
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
  readonly counters: Pick<Counters, 'add' | 'set'>
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
  /** Makes words of a stored payload; throws where it is not what it should be. */
  render(payload: Json, now: number, detail: Detail): Rendered
  /** One message for several; at least one. */
  renderDigest(messages: readonly Rendered[], detail: Detail): Rendered
  /** Number of the incident that speaks for this one now: itself, or the one it went into. Left out: each for itself. */
  spokesman?(number: string): string
  /** What an SMS to them says besides, where there is room; asked once for each that goes. */
  note?(to: readonly string[]): string | undefined
  /** What a stored payload is to say now, asked right before it is sent. Left out: what it was queued with. */
  subject?(payload: Json, now: number): Promise<Subject>
}

/** What came of a test message; its receipt stands in the outbox under `id`. */
export interface Tested {
  readonly id: string
  readonly outcome: SendOutcome
}

/** How a channel stands, for the room where people look after channels. */
export interface ChannelStanding {
  readonly name: string
  readonly health: Health | undefined
  readonly detail: Detail
  readonly perMinute: number
  /** Epoch ms; in the past: it is tried as soon as something is due. */
  readonly pausedUntil: number
  readonly budget: (BudgetStanding & { readonly usedSegments: number; readonly yearlyBudget: number }) | undefined
  readonly balance: { readonly left: number; readonly low: boolean } | undefined
}

export interface Outbox {
  /** Queues a message inside that transaction; call `wake` once it is committed. Ids of what was queued; none: it was owed already. */
  enqueue(trx: StateTransaction, item: OutboxItem, now: number): Promise<readonly string[]>
  wake(): void
  /** Sends what is due. Resolves with the time at which there is more to do; undefined: when something is queued. */
  runDue(): Promise<number | undefined>
  /** Tries every channel and notes whether it works. */
  checkChannels(): Promise<void>
  /** Puts back what a crash interrupted and starts the loop. */
  start(): Promise<void>
  /** Ends the loop; an attempt under way gets a few seconds, then is cut and stays owed. */
  stop(): Promise<void>
  /** Channels for the overview page. */
  overview(): Promise<Overview['channels']>
  /** Whether there are channels and each is known to be down: then only the console can tell. */
  allChannelsDown(): boolean
  /** Which channels work; one not tried yet is undefined. */
  works(): ChannelStandings
  problems(): Promise<readonly ChannelProblem[]>
  standings(): Promise<readonly ChannelStanding[]>
  /** Sends a test message at once, outside of budget and digest, with a receipt of its own. undefined: no such channel. */
  test(channel: string, to: readonly string[]): Promise<Tested | undefined>
  /** Samples of `zhishou_channel_up`; a channel not used yet has none. */
  series(): readonly SeriesValue[]
}

/** Builds the outbox; nothing is sent before `start` or `runDue`. */
export function createOutbox(deps: OutboxDependencies): Outbox {
  const { state, clock, log } = deps
  const runs = deps.channels.map((channel) => channelRun(channel, clock.now()))
  const stopping = new AbortController()
  const cutting = new AbortController()
  let loops: readonly Promise<void>[] = []
  let firstCheck: Promise<void> | undefined
  let stopTasks = (): void => undefined

  const wake = (): void => {
    for (const run of runs) {
      run.woken = true
      run.wakeUp()
    }
  }

  async function noteHealth(run: ChannelRun, health: Health): Promise<void> {
    const before = run.health
    run.health = health
    deps.counters.set('zhishou_channel_up', health.kind === 'up' ? 1 : 0, { channel: run.channel.name })
    if (health.kind === 'down') {
      run.downInARow++
      run.pausedUntil = clock.now() + retryDelayMs(run.downInARow, deps.random())
      if (before?.kind !== 'down') log.error('notify: channel is down', { channel: run.channel.name, why: health.why })
      return
    }
    run.downInARow = 0
    run.pausedUntil = 0
    if (before?.kind !== 'down') return
    log.info('notify: channel works again', { channel: run.channel.name })
    // What failed with the channel is due all along: only the channel's own pause kept it.
    run.wakeUp()
    run.woken = true
  }

  /** Words for what was claimed together; what cannot be put into words, or no longer holds, is settled by itself and left out. */
  async function rendered(run: ChannelRun, messages: readonly Claimed[]): Promise<Pick<Worded, 'going' | 'words'>> {
    const { going, words, ended, wordless } = await wordsFor({ ...deps, now: () => clock.now(), cut: cutting.signal }, messages, run.channel.detail ?? 'full')
    for (const { claimed, why } of wordless) await writeReceipt(run, [claimed], { kind: 'refused', why }, nothingSpent)
    const [first] = ended
    if (first !== undefined) {
      await written(first.claimed.id, () => supersede(state, ended, going.length === 0, clock.now()))
      deps.counters.add('zhishou_channel_messages_total', { channel: run.channel.name, outcome: 'superseded' }, ended.length)
    }
    return { going, words }
  }

  /** The outcome must be on disk before anything else is sent: a second attempt after a success would be a second mail. */
  async function writeReceipt(run: ChannelRun, messages: readonly Claimed[], outcome: SendOutcome, spent: Spent, once = false): Promise<void> {
    const [first] = messages
    if (first === undefined) return
    const takedowns = noteTakedown(run, messages, outcome)
    const standings = await written(first.id, () => {
      const now = clock.now()
      return settle(state, messages, outcome, spent, now, againAfter(outcome, first.attempt, takedowns, now, deps.random()), once)
    })
    if (standings === undefined) return
    for (const [index, standing] of standings.entries()) told(run, messages[index] ?? first, outcome, standing)
    if (messages.length > 1) deps.counters.add('zhishou_channel_digested_total', { channel: run.channel.name }, messages.length)
    if (spent.segments > 0) deps.counters.add('zhishou_sms_segments_total', { channel: run.channel.name }, spent.segments)
  }

  /** Writes until it is written; undefined: the program ends before it is. */
  async function written<T>(id: string, write: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        log.error('notify: cannot write a receipt, trying again', { id, error })
        await pause(RECEIPT_RETRY_MS, cutting.signal)
        if (cutting.signal.aborted) return undefined
      }
    }
  }

  function told(run: ChannelRun, claimed: Claimed, outcome: SendOutcome, standing: Standing): void {
    deps.counters.add('zhishou_channel_messages_total', { channel: run.channel.name, outcome: standing })
    if (standing === 'failed' || standing === 'dead') log.error('notify: message not delivered', { id: claimed.id, receiver: claimed.receiver, standing, outcome: outcome.kind === 'delivered' ? 'partly' : outcome.why })
    if (outcome.kind === 'delivered' && outcome.refused.length > 0) log.warn('notify: some addresses were refused', { id: claimed.id, receiver: claimed.receiver, refused: outcome.refused.length })
  }

  /** What an attempt shows of its channel. One that we cut ourselves shows nothing. */
  async function noteOutcome(run: ChannelRun, outcome: SendOutcome): Promise<void> {
    if (cutting.signal.aborted) return
    await noteHealth(run, outcome.kind === 'try-again' && outcome.channelDown ? { kind: 'down', why: outcome.why } : { kind: 'up' })
    // Who asks us to wait means all that we send.
    if (outcome.kind === 'try-again' && outcome.afterMs !== undefined) run.pausedUntil = Math.max(run.pausedUntil, clock.now() + outcome.afterMs)
  }

  /** Sends what one channel owes until nothing is due; gives the time of the next attempt. */
  async function pump(run: ChannelRun): Promise<number | undefined> {
    const { channel } = run
    for (;;) {
      if (stopping.signal.aborted) return undefined
      const now = clock.now()
      if (run.pausedUntil > now) return run.pausedUntil
      const { bucket, waitMs } = take(run.bucket, channel.perMinute, now)
      if (waitMs > 0) {
        const next = await claimable(channel.name)
        return next ? now + waitMs : undefined
      }
      const probing = run.health?.kind === 'down'
      const claim = await (channel.digest === undefined ? claimNext(state, channel.name, now, probing) : claimTogether(state, channel.name, channel.digest, now, probing))
      if (claim.kind === 'nothing') return claim.nextDueAt
      const { going, words } = await rendered(run, claim.messages)
      if (going.length === 0) continue
      run.bucket = bucket
      const { outcome, spent, asked } = await attempt({ ...deps, state, clock }, channel, going, standingWords(going, words, deps.spokesman ?? ((number) => number)), cutting.signal)
      await writeReceipt(run, going, outcome, spent)
      if (asked) await noteOutcome(run, outcome)
    }
  }

  const claimable = async (channel: string): Promise<boolean> => (await owed(state, channel)) > 0

  /** Gives up what is too old, whatever became of its channel. */
  async function expire(): Promise<void> {
    for (const { channel } of await giveUp(state, clock.now())) {
      deps.counters.add('zhishou_channel_messages_total', { channel, outcome: 'dead' })
      log.error('notify: message given up', { channel })
    }
  }

  const runOne = (run: ChannelRun): Promise<number | undefined> => {
    run.current ??= pump(run).finally(() => {
      run.current = undefined
    })
    return run.current
  }

  async function runDue(): Promise<number | undefined> {
    await expire()
    const times = await Promise.all(runs.map(runOne))
    return times.reduce((earliest, time) => (time === undefined ? earliest : Math.min(time, earliest ?? time)), undefined)
  }

  /** Pays what one channel owes, on and on. */
  async function forever(run: ChannelRun): Promise<void> {
    while (!stopping.signal.aborted) {
      run.woken = false
      let next: number | undefined
      try {
        next = await runOne(run)
      } catch (error) {
        log.error('notify: outbox cannot be read, trying again', { channel: run.channel.name, error })
      }
      if (run.woken) continue
      const sleepMs = Math.min(LONGEST_SLEEP_MS, Math.max(50, next === undefined ? LONGEST_SLEEP_MS : next - clock.now()))
      const awake = new AbortController()
      run.wakeUp = () => awake.abort()
      await pause(sleepMs, AbortSignal.any([awake.signal, stopping.signal]))
    }
  }

  const findRun = (name: string): ChannelRun | undefined => runs.find((run) => run.channel.name === name)
  const billed = new Set(runs.filter((run) => run.channel.cost !== undefined).map((run) => run.channel.name))

  /** Budgets and balances, as series and for `problems`. */
  async function standingOf(run: ChannelRun): Promise<NonNullable<ChannelStanding['budget']> | undefined> {
    const { cost, name } = run.channel
    if (cost?.yearlyBudget === undefined) return undefined
    const now = clock.now()
    const used = await usedSegments(state, name, cost.yearFrom, now)
    const standing = budgetStanding(used, cost.yearlyBudget, cost.yearFrom, now)
    deps.counters.set('zhishou_sms_budget_used_ratio', standing.usedRatio, { channel: name })
    deps.counters.set('zhishou_sms_budget_elapsed_ratio', standing.elapsedRatio, { channel: name })
    return { ...standing, usedSegments: used, yearlyBudget: cost.yearlyBudget }
  }

  async function askBalance(run: ChannelRun): Promise<void> {
    const balance = await run.channel.balance?.(attemptSignal(stopping.signal))
    if (balance === undefined) return
    if (balance.low && run.balance?.low !== true) log.warn('notify: the SMS balance is low', { channel: run.channel.name, left: balance.left })
    run.balance = balance
    deps.counters.set('zhishou_sms_balance', balance.left, { channel: run.channel.name })
  }

  return {
    async enqueue(trx, item, now) {
      // An SMS costs by person, so each gets a message, a budget and a receipt of its own.
      const items = findRun(item.channel)?.channel.cost === undefined || item.to.length < 2 ? [item] : item.to.map((address) => ({ ...item, to: [address], dedupKey: `${item.dedupKey}/${address}` }))
      const ids: string[] = []
      for (const one of items) {
        const id = await enqueue(trx, one, now)
        if (id !== undefined) ids.push(id)
      }
      return ids
    },
    wake,
    runDue,
    async checkChannels() {
      await Promise.all(
        runs.map(async (run) => {
          const health = await run.channel.check(attemptSignal(stopping.signal))
          if (!stopping.signal.aborted) await noteHealth(run, health)
          await askBalance(run)
          await standingOf(run)
        }),
      )
      const longest = Math.max(0, ...runs.map(({ channel }) => (channel.digest === undefined ? 0 : memoryMs(channel.digest))))
      await forgetSends(state, clock.now() - longest)
    },
    async start() {
      const interrupted = await recoverInterrupted(state, billed, clock.now())
      if (interrupted > 0) log.warn('notify: messages were being sent when the program ended; they are sent again under the same Message-ID', { count: interrupted })
      await expire()
      loops = runs.map(forever)
      // In the background: a relay that does not answer must not hold up the start, but is known soon after it.
      firstCheck = this.checkChannels().catch((error: unknown) => log.error('notify: cannot check channels', { error }))
      const stops = [clock.every(CHECK_MS, 'notify: check channels', () => this.checkChannels()), clock.every(EXPIRE_MS, 'notify: give up', expire)]
      stopTasks = () => {
        for (const stop of stops) stop()
      }
    },
    async stop() {
      stopTasks()
      stopping.abort()
      const ended = Promise.allSettled([...loops, ...runs.map((run) => run.current), firstCheck])
      const grace = new AbortController()
      await Promise.race([ended, pause(STOP_GRACE_MS, grace.signal)])
      grace.abort()
      cutting.abort()
      await ended
      for (const run of runs) run.channel.close()
    },
    overview: () =>
      Promise.all(
        runs.map(async (run) => ({
          name: run.channel.name,
          up: run.health === undefined ? null : run.health.kind === 'up',
          queued: await owed(state, run.channel.name),
          error: run.health?.kind === 'down' ? run.health.why : null,
        })),
      ),
    allChannelsDown: () => allDown(runs.map(worksNow)),
    works: () => Object.fromEntries(runs.map((run) => [run.channel.name, worksNow(run)])),
    async problems() {
      const problems: ChannelProblem[] = allDown(runs.map(worksNow)) ? [{ kind: 'all-channels-down' }] : []
      for (const run of runs) {
        const channel = run.channel.name
        const standing = await standingOf(run)
        if (standing !== undefined && standing.kind !== 'fine') problems.push({ kind: standing.kind, usedRatio: standing.usedRatio, elapsedRatio: standing.elapsedRatio, channel })
        if (run.balance?.low === true) problems.push({ kind: 'balance-low', channel, left: run.balance.left })
      }
      return problems
    },
    standings: () =>
      Promise.all(
        runs.map(async (run): Promise<ChannelStanding> => ({
          name: run.channel.name, health: run.health, detail: run.channel.detail ?? 'full', perMinute: run.channel.perMinute, pausedUntil: run.pausedUntil,
          budget: await standingOf(run), balance: run.balance,
        })),
      ),
    async test(name, to) {
      const run = findRun(name)
      if (run === undefined) return undefined
      const now = clock.now()
      const claimed = await enqueueClaimed(state, testMessage(name, to, now), now)
      const words = deps.render(claimed.payload, now, run.channel.detail ?? 'full')
      const outcome = await run.channel.send({ ...words, id: claimed.id, to: claimed.to, at: now }, attemptSignal(cutting.signal))
      await writeReceipt(run, [claimed], outcome, { segments: mayHaveGone(outcome) ? (run.channel.cost?.segments(words) ?? 0) : 0, forget: false }, true)
      await noteOutcome(run, outcome)
      return { id: claimed.id, outcome }
    },
    series: () => runs.flatMap((run) => (run.health === undefined ? [] : [{ labels: { [METRIC_NAME]: 'zhishou_channel_up', channel: run.channel.name }, value: run.health.kind === 'up' ? 1 : 0 }])),
  }
}

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
import { METRIC_NAME, counter, gauge } from '../../protocol/series.ts'
import type { SeriesSpec } from '../../protocol/series.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { errorText } from '../log.ts'
import type { Json } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { Channel, Health, SendOutcome } from './channel.ts'
import { claimNext, enqueue, giveUp, hurry, owed, recoverInterrupted, settle } from './outbox-storage.ts'
import type { Claimed, OutboxItem } from './outbox-storage.ts'
import { fullBucket, retryDelayMs, take } from './pace.ts'
import type { Bucket } from './pace.ts'
import type { Rendered } from './render.ts'

/** Longest time one attempt may take, however slowly the other side talks. */
const ATTEMPT_MS = 60_000
/** How often a channel that has nothing to send is tried. */
const CHECK_MS = 300_000
/** How long the loop sleeps at most: a clock that steps must not keep messages waiting. */
const LONGEST_SLEEP_MS = 15_000
/** Pause before writing a receipt again that could not be written. */
const RECEIPT_RETRY_MS = 1_000
/** How long `stop` waits for the attempt under way. */
const STOP_GRACE_MS = 5_000

/** What the notify room says about itself. */
export const notifySeries: readonly SeriesSpec[] = [
  gauge('zhishou_channel_up', '1 when the channel worked when it was last used or checked, 0 when it did not.', 'channel'),
  counter('zhishou_channel_messages_total', 'Attempts to send by their outcome: sent, retried, failed (refused for good), dead (given up).', 'channel', 'outcome'),
]

export interface OutboxDependencies {
  readonly state: State
  readonly channels: readonly Channel[]
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
  readonly counters: Pick<Counters, 'add' | 'set'>
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
  /** Makes words of a stored payload; throws where it is not what it should be. */
  render(payload: Json, now: number): Rendered
}

export interface Outbox {
  /** Queues a message inside that transaction; call `wake` once it is committed. false: it was owed already. */
  enqueue(trx: StateTransaction, item: OutboxItem, now: number): Promise<boolean>
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
  /** Samples of `zhishou_channel_up`; a channel not used yet has none. */
  series(): readonly SeriesValue[]
}

interface ChannelRun {
  readonly channel: Channel
  bucket: Bucket
  health: Health | undefined
  downInARow: number
  pausedUntil: number
}

/** Builds the outbox; nothing is sent before `start` or `runDue`. */
export function createOutbox(deps: OutboxDependencies): Outbox {
  const { state, clock, log } = deps
  const runs = deps.channels.map((channel): ChannelRun => ({ channel, bucket: fullBucket(channel.perMinute, clock.now()), health: undefined, downInARow: 0, pausedUntil: 0 }))
  const stopping = new AbortController()
  const cutting = new AbortController()
  let wakeUp = (): void => undefined
  let woken = false
  let current: Promise<number | undefined> | undefined
  let loop: Promise<void> | undefined
  let firstCheck: Promise<void> | undefined
  let stopChecks = (): void => undefined

  const wake = (): void => {
    woken = true
    wakeUp()
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
    await hurry(state, run.channel.name, clock.now())
    wake()
  }

  async function attempt(run: ChannelRun, claimed: Claimed): Promise<SendOutcome> {
    const signal = AbortSignal.any([cutting.signal, AbortSignal.timeout(ATTEMPT_MS)])
    let words: Rendered
    try {
      words = deps.render(claimed.payload, clock.now())
    } catch (error) {
      return { kind: 'refused', why: `cannot be put into words: ${errorText(error)}` }
    }
    return run.channel.send({ id: claimed.id, to: claimed.to, ...words, at: claimed.createdAt }, signal)
  }

  /** The outcome must be on disk before anything else is sent: a second attempt after a success would be a second mail. */
  async function writeReceipt(run: ChannelRun, claimed: Claimed, outcome: SendOutcome): Promise<void> {
    for (;;) {
      try {
        const now = clock.now()
        const standing = await settle(state, claimed, outcome, now, now + retryDelayMs(claimed.attempt, deps.random()))
        deps.counters.add('zhishou_channel_messages_total', { channel: run.channel.name, outcome: standing })
        if (standing === 'failed' || standing === 'dead') log.error('notify: message not delivered', { id: claimed.id, receiver: claimed.receiver, standing, outcome: outcome.kind === 'delivered' ? 'partly' : outcome.why })
        if (outcome.kind === 'delivered' && outcome.refused.length > 0) log.warn('notify: some addresses were refused', { id: claimed.id, receiver: claimed.receiver, refused: outcome.refused.length })
        return
      } catch (error) {
        log.error('notify: cannot write a receipt, trying again', { id: claimed.id, error })
        await pause(RECEIPT_RETRY_MS, cutting.signal)
        if (cutting.signal.aborted) return
      }
    }
  }

  /** Sends what one channel owes until nothing is due; gives the time of the next attempt. */
  async function pump(run: ChannelRun): Promise<number | undefined> {
    for (;;) {
      if (stopping.signal.aborted) return undefined
      const now = clock.now()
      if (run.pausedUntil > now) return run.pausedUntil
      const { bucket, waitMs } = take(run.bucket, run.channel.perMinute, now)
      if (waitMs > 0) {
        const next = await claimable(run.channel.name)
        return next ? now + waitMs : undefined
      }
      const claimed = await claimNext(state, run.channel.name, now)
      if ('nextDueAt' in claimed) return claimed.nextDueAt
      run.bucket = bucket
      const outcome = await attempt(run, claimed)
      await writeReceipt(run, claimed, outcome)
      // An attempt that we cut ourselves says nothing about the channel.
      if (!cutting.signal.aborted) await noteHealth(run, outcome.kind === 'try-again' && outcome.channelDown ? { kind: 'down', why: outcome.why } : { kind: 'up' })
    }
  }

  const claimable = async (channel: string): Promise<boolean> => (await owed(state, channel)) > 0

  async function runAll(): Promise<number | undefined> {
    for (const { channel } of await giveUp(state, clock.now())) {
      deps.counters.add('zhishou_channel_messages_total', { channel, outcome: 'dead' })
      log.error('notify: message given up', { channel })
    }
    const times = await Promise.all(runs.map(pump))
    return times.reduce((earliest, time) => (time === undefined ? earliest : Math.min(time, earliest ?? time)), undefined)
  }

  const runDue = (): Promise<number | undefined> => {
    current ??= runAll().finally(() => {
      current = undefined
    })
    return current
  }

  async function forever(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = false
      let next: number | undefined
      try {
        next = await runDue()
      } catch (error) {
        log.error('notify: outbox cannot be read, trying again', { error })
      }
      if (woken) continue
      const sleepMs = Math.min(LONGEST_SLEEP_MS, Math.max(50, next === undefined ? LONGEST_SLEEP_MS : next - clock.now()))
      const awake = new AbortController()
      wakeUp = () => awake.abort()
      await pause(sleepMs, AbortSignal.any([awake.signal, stopping.signal]))
    }
  }

  return {
    enqueue,
    wake,
    runDue,
    async checkChannels() {
      await Promise.all(
        runs.map(async (run) => {
          const health = await run.channel.check(AbortSignal.any([stopping.signal, AbortSignal.timeout(ATTEMPT_MS)]))
          if (!stopping.signal.aborted) await noteHealth(run, health)
        }),
      )
    },
    async start() {
      const interrupted = await recoverInterrupted(state, clock.now())
      if (interrupted > 0) log.warn('notify: messages were being sent when the program ended; they are sent again under the same Message-ID', { count: interrupted })
      loop = forever()
      // In the background: a relay that does not answer must not hold up the start, but is known soon after it.
      firstCheck = this.checkChannels().catch((error: unknown) => log.error('notify: cannot check channels', { error }))
      stopChecks = clock.every(CHECK_MS, 'notify: check channels', () => this.checkChannels())
    },
    async stop() {
      stopChecks()
      stopping.abort()
      wakeUp()
      const ended = Promise.allSettled([loop, current, firstCheck])
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
    series: () => runs.flatMap((run) => (run.health === undefined ? [] : [{ labels: { [METRIC_NAME]: 'zhishou_channel_up', channel: run.channel.name }, value: run.health.kind === 'up' ? 1 : 0 }])),
  }
}

/** Waits, or ends early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

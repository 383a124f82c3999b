/**
 * Keeps the seats of `presence.ts`, writes what they decide and tells who wants to know.
 *
 * Samples go to stream `collector`, one group an agent (`presence/INSTANCE`), because a row of a group says of every
 * column that it was read or not, and agents are heard at different times:
 * `up`, `zhishou_agent_last_heartbeat_timestamp_seconds`, `zhishou_agent_clock_offset_seconds`, all with `instance` and
 * `job="node"`. The stream has a new epoch at every start, so its numbers never meet those of an earlier run.
 */
import { randomBytes } from 'node:crypto'
import type { Hello } from '../../protocol/messages.ts'
import { METRIC_NAME } from '../../protocol/series.ts'
import { fillStale } from '../../protocol/stale.ts'
import type { Agent, AgentInfo, AgentSeen, Identities } from '../access/identities.ts'
import type { Clock } from '../clock.ts'
import type { GroupId, Store, StoreBatch, StoreRow } from '../store/store.ts'
import type { LinkListener } from './link-types.ts'
import { type Decision, type Moment, type PresenceLimits, type Seat, heard, look, nowReading, observe, opened, saidBye, waitingSeat } from './presence.ts'

export interface PresenceDependencies {
  readonly store: Pick<Store, 'group' | 'columns' | 'accept' | 'select'>
  readonly identities: Pick<Identities, 'agents' | 'touch'>
  readonly clock: Clock
  readonly settings: PresenceLimits
  /** `up` of an agent is another than before, and stored: rules on it should be evaluated now. `at` is the sample's time. */
  readonly onChange: (instance: string, up: 0 | 1, at: number) => void
  /** Something could not be written; it is tried again. */
  readonly onFailure: (what: string, error: unknown) => void
}

/** How one agent stands, for the console. */
export interface PresenceView {
  readonly instance: string
  /** `planned`: said goodbye and is expected back, or not yet heard after our own start. `never`: enrolled, never seen. */
  readonly presence: 'up' | 'down' | 'planned' | 'never'
  readonly since: number | undefined
  readonly lastSeenAt: number | undefined
  readonly clockOffsetSeconds: number | undefined
  readonly agentVersion: string | undefined
}

export interface Presence extends LinkListener {
  /** A new agent is in the fleet and should appear soon. */
  enrolled(instance: string): void
  /** It has left the fleet: no sample says anything about it any more. */
  forget(instance: string): void
  view(): readonly PresenceView[]
  /** One look at all seats; runs by itself four times a second. */
  tick(): void
  /** Stops looking, writes what is owed and remembers every last heartbeat. */
  stop(): Promise<void>
}

const TICK_MS = 250
const SWEEP_MS = 15_000
const TOUCH_MS = 60_000
/** `up` of the time before a restart is looked for this far before the last known heartbeat. */
const LOOK_BACK_MS = 300_000
/** … and never further back than this: what is older says nothing that state.db does not. */
const LOOK_BACK_LIMIT_MS = 2 * 86_400_000
/** Between two tries to write what the store did not take. */
const RETRY_MS = 2_000

interface Place {
  seat: Seat
  group: GroupId
  columns: Uint32Array
  offsetMs: number | undefined
  info: AgentInfo | undefined
  touchedAt: number
}

interface Owed {
  readonly row: StoreRow
  readonly change: { readonly instance: string; readonly up: 0 | 1; readonly at: number } | undefined
}

/** Loads who is known and begins to watch. Rejects when state.db cannot be read. */
export async function startPresence(dependencies: PresenceDependencies): Promise<Presence> {
  const { store, identities, clock, settings } = dependencies
  const places = new Map<string, Place>()
  const epoch = `${clock.now().toString(36)}-${randomBytes(6).toString('hex')}`
  let seq = 0
  let lastNow = clock.now()
  let observedMs = 0
  let sweptMs = -SWEEP_MS
  let owed: Owed[] = []
  let seen = new Map<string, AgentSeen>()
  let writing: Promise<void> | undefined
  let retryMs = 0
  let unsent: { readonly batch: StoreBatch; readonly owed: readonly Owed[] } | undefined

  const moment = (): Moment => {
    const now = clock.now()
    return { now, observedMs: observe(observedMs, lastNow, now) }
  }

  const settle = (place: Place, decision: Decision): void => {
    place.seat = decision.seat
    const { row, changed } = decision
    if (row === undefined) return
    const values = new Float64Array(3)
    fillStale(values, 2)
    values[0] = row.up
    values[1] = decision.seat.lastHeartbeatAt / 1_000
    if (place.offsetMs !== undefined) values[2] = place.offsetMs / 1_000
    owed.push({
      row: { group: place.group, at: row.at, columns: place.columns, values },
      change: changed ? { instance: decision.seat.instance, up: row.up, at: row.at } : undefined,
    })
  }

  const seat = (first: Seat, info: AgentInfo | undefined): Place => {
    const { instance } = first
    const group = store.group('collector', `presence/${instance}`)
    const columns = store.columns(group, ['up', 'zhishou_agent_last_heartbeat_timestamp_seconds', 'zhishou_agent_clock_offset_seconds'].map((name) => ({ [METRIC_NAME]: name, instance, job: 'node' })))
    const place: Place = { seat: first, group, columns, offsetMs: undefined, info, touchedAt: first.lastHeartbeatAt }
    places.set(instance, place)
    return place
  }

  const newcomer = (instance: string): Seat => {
    const now = moment()
    return waitingSeat({ instance, lastHeartbeatAt: now.now, everHeard: false, patienceMs: Math.max(settings.firstContactMs, settings.silenceMs), lastRowAt: 0, lastUp: undefined }, now)
  }

  const placeOf = (instance: string): Place => places.get(instance) ?? seat(newcomer(instance), undefined)

  const remember = (place: Place, withInfo: boolean): void => {
    const { instance, lastHeartbeatAt } = place.seat
    place.touchedAt = lastHeartbeatAt
    seen.set(instance, { instance, lastSeenAt: lastHeartbeatAt, info: withInfo ? place.info : seen.get(instance)?.info })
  }

  const saveSeen = async (): Promise<void> => {
    if (seen.size === 0) return
    const batch = seen
    seen = new Map()
    try {
      await identities.touch([...batch.values()])
    } catch (error) {
      // What has been seen since is newer and stays.
      seen = new Map([...batch, ...seen])
      dependencies.onFailure('remember heartbeats', error)
    }
  }

  const writeRows = async (): Promise<void> => {
    while ((owed.length > 0 || unsent !== undefined) && !(unsent !== undefined && observedMs < retryMs)) {
      if (unsent === undefined) {
        unsent = { batch: { stream: 'collector', epoch, seq: seq + 1, rows: owed.map(({ row }) => row), events: [], facts: [], checks: [] }, owed }
        owed = []
      }
      const { batch } = unsent
      try {
        await store.accept(batch)
      } catch (error) {
        // The same number and content go again with a later tick: should it be stored after all, it is so once.
        dependencies.onFailure('store presence', error)
        retryMs = observedMs + RETRY_MS
        return
      }
      seq = batch.seq
      const done = unsent.owed
      unsent = undefined
      for (const { change } of done) if (change !== undefined) dependencies.onChange(change.instance, change.up, change.at)
    }
  }

  const write = (): void => {
    writing ??= Promise.all([writeRows(), saveSeen()])
      .then(() => undefined)
      .catch((error: unknown) => dependencies.onFailure('presence', error))
      .finally(() => {
        writing = undefined
      })
  }

  const tick = (): void => {
    const now = clock.now()
    observedMs = observe(observedMs, lastNow, now)
    lastNow = now
    const at: Moment = { now, observedMs }
    // While the store takes nothing, changes wait and regular samples are left out: the list stays short.
    const sweep = observedMs - sweptMs >= SWEEP_MS && unsent === undefined
    if (sweep) sweptMs = observedMs
    for (const place of places.values()) {
      settle(place, look(place.seat, sweep, settings, at))
      if (sweep && place.seat.everHeard && place.seat.lastHeartbeatAt - place.touchedAt >= TOUCH_MS) remember(place, false)
    }
    if (owed.length > 0 || unsent !== undefined || seen.size > 0) write()
  }

  const agents = await identities.agents()
  const before = lastKnown(store, agents, lastNow)
  for (const agent of agents) seat(seatAfterRestart(agent, before.get(agent.instance), settings, moment()), agent.info)
  const stopTicking = clock.every(TICK_MS, 'presence', tick)

  return {
    tick,
    opened(instance, hello, offsetMs) {
      const place = placeOf(instance)
      place.offsetMs = offsetMs
      place.info = infoOf(hello)
      settle(place, opened(place.seat, moment()))
      remember(place, true)
      write()
    },
    heard(instance) {
      const place = places.get(instance)
      if (place === undefined) return
      const decision = heard(place.seat, moment())
      settle(place, decision)
      if (decision.row !== undefined) write()
    },
    clockOffset(instance, offsetMs) {
      const place = places.get(instance)
      if (place !== undefined) place.offsetMs = offsetMs
    },
    bye(instance, backWithinMs) {
      const place = placeOf(instance)
      const now = moment()
      settle(place, saidBye(place.seat, backWithinMs, now))
      if (place.info !== undefined) place.info = { ...place.info, heldUntil: backWithinMs === 0 ? 'forever' : now.now + backWithinMs }
      remember(place, true)
      write()
    },
    // Nothing: silence counts from the last heartbeat, so a quick restart without a bye raises nothing either.
    closed: () => undefined,
    reading(instance, is) {
      const place = places.get(instance)
      if (place !== undefined) place.seat = nowReading(place.seat, is, moment())
    },
    enrolled(instance) {
      const known = places.get(instance)
      // A host that enrols again is expected soon, whatever was known of it.
      if (known === undefined) seat(newcomer(instance), undefined)
      else if (known.seat.phase !== 'up') known.seat = { ...newcomer(instance), lastRowAt: known.seat.lastRowAt, lastUp: known.seat.lastUp, everHeard: known.seat.everHeard }
    },
    forget(instance) {
      const place = places.get(instance)
      if (place === undefined) return
      places.delete(instance)
      // A row without cells: every series of the group ends here, instead of lingering for the look-back of queries.
      owed.push({ row: { group: place.group, at: Math.max(clock.now(), place.seat.lastRowAt + 1), columns: undefined, values: new Float64Array(0) }, change: undefined })
      write()
    },
    view: () => [...places.values()].map(viewOf),
    async stop() {
      stopTicking()
      await writing
      retryMs = 0
      for (const place of places.values()) {
        if (!place.seat.everHeard) continue
        if (place.seat.phase === 'up' && place.seat.lastHeartbeatAt > place.seat.lastRowAt) settle(place, look(place.seat, true, { ...settings, silenceMs: Infinity }, moment()))
        remember(place, false)
      }
      write()
      await writing
    },
  }
}

function viewOf({ seat, offsetMs, info }: Place): PresenceView {
  const presence = seat.phase === 'up' ? 'up' : !seat.everHeard ? 'never' : seat.phase === 'down' ? 'down' : 'planned'
  return {
    instance: seat.instance,
    presence,
    since: seat.since,
    lastSeenAt: seat.everHeard ? seat.lastHeartbeatAt : undefined,
    clockOffsetSeconds: offsetMs === undefined ? undefined : offsetMs / 1_000,
    agentVersion: info?.version,
  }
}

function infoOf(hello: Hello): AgentInfo {
  return { version: hello.agent.version, node: hello.agent.node, hostname: hello.host.hostname, machineId: hello.host.machineId, intervalMs: hello.intervalMs, heldUntil: undefined }
}

interface LastKnown {
  readonly upAt: number
  readonly up: 0 | 1
  readonly heartbeatAt: number | undefined
}

/** After our own start: everybody known gets the silence they would have had, plus what is left of a hold. */
function seatAfterRestart(agent: Agent, before: LastKnown | undefined, settings: PresenceLimits, moment: Moment): Seat {
  const everHeard = agent.lastSeenAt !== undefined || before?.heartbeatAt !== undefined
  const heldUntil = agent.info?.heldUntil
  const hold = typeof heldUntil === 'number' ? Math.max(0, heldUntil - moment.now) : 0
  const firstContact = everHeard ? 0 : Math.max(0, agent.createdAt + settings.firstContactMs - moment.now)
  const seat = waitingSeat(
    {
      instance: agent.instance,
      // state.db is up to a minute behind, so a newer sample counts; never one from the future, should the clock have been set back.
      lastHeartbeatAt: Math.min(moment.now, Math.max(agent.lastSeenAt ?? agent.createdAt, before?.heartbeatAt ?? 0)),
      everHeard,
      patienceMs: settings.silenceMs + Math.max(hold, firstContact),
      lastRowAt: before?.upAt ?? 0,
      lastUp: before?.up,
    },
    moment,
  )
  return heldUntil === 'forever' ? { ...seat, phase: 'held', since: seat.lastHeartbeatAt, patienceMs: Infinity } : seat
}

/** The newest `up` and heartbeat in the store by instance, from a little before the newest heartbeat that state.db knows. */
function lastKnown(store: Pick<Store, 'select'>, agents: readonly Agent[], now: number): Map<string, LastKnown> {
  const known = new Map<string, LastKnown>()
  let from = -1
  for (const { lastSeenAt } of agents) if (lastSeenAt !== undefined && lastSeenAt > from) from = lastSeenAt
  if (from < 0) return known
  const since = Math.max(from - LOOK_BACK_MS, now - LOOK_BACK_LIMIT_MS)
  const heartbeats = new Map<string, number>()
  for (const [instance, { value }] of newest(store, 'zhishou_agent_last_heartbeat_timestamp_seconds', since, now)) heartbeats.set(instance, Math.round(value * 1_000))
  for (const [instance, { at, value }] of newest(store, 'up', since, now)) known.set(instance, { upAt: at, up: value === 0 ? 0 : 1, heartbeatAt: heartbeats.get(instance) })
  return known
}

function* newest(store: Pick<Store, 'select'>, name: string, from: number, to: number): Generator<[string, { at: number; value: number }]> {
  const matchers = [{ name: METRIC_NAME, op: '=', value: name, matches: (value: string) => value === name } as const, { name: 'job', op: '=', value: 'node', matches: (value: string) => value === 'node' } as const]
  for (const { labels, times, values, stale } of store.select(matchers, from, to)) {
    for (let index = times.length - 1; index >= 0; index--) {
      if (stale?.[index] === 1) continue
      yield [labels['instance'] ?? '', { at: times[index] ?? 0, value: values[index] ?? 0 }]
      break
    }
  }
}

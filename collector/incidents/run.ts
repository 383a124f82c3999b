/**
 * The shell of the incidents room: what is live is kept in memory, `step` decides, and event, projection, hidden
 * alerts and audit row are written in one transaction. One piece of work at a time, so two people who act at once are
 * put in order.
 */
import type { IncidentDetail, IncidentSummary } from '../../protocol/api.ts'
import type { KnownPerson } from '../access/known-people.ts'
import { emptyTopology, topologySamples } from '../correlate/topology.ts'
import type { Topology } from '../correlate/topology.ts'
import type { Log } from '../log.ts'
import type { Alert, AlertChange } from '../rules/alert.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { readAttachment } from './attachment.ts'
import { createBoard } from './board.ts'
import type { BoardView } from './board.ts'
import { clocksOf } from './clocks.ts'
import type { IncidentClocks } from './clocks.ts'
import { hiddenNow, hiddenOf } from './hidden-storage.ts'
import type { HiddenListed } from './hidden-storage.ts'
import type { Incident } from './incident.ts'
import { createIntake, settleOne, settling } from './intake.ts'
import { createPeople } from './people.ts'
import type { People } from './people.ts'
import { pendingByIncident } from './pending.ts'
import type { PendingAlert } from './pending.ts'
import type { SlaProfiles } from './profile.ts'
import { searchIncidents } from './search.ts'
import type { IncidentSearch } from './search.ts'
import { incidentSamples } from './series.ts'
import type { SeriesValue } from './series.ts'
import { step, replay } from './step.ts'
import { eventsOf, incidentByNumber, listIncidents, notificationsOf, outdatedIds, storeProjection } from './storage.ts'
import type { IncidentFilter, Reader } from './storage.ts'
import { createUnits } from './unit.ts'
import type { UnitDependencies } from './unit.ts'
import { incidentDetail, incidentSummary } from './view.ts'
import { listWork } from './work-log.ts'
import type { WorkFilter, WorkLogged } from './work-log.ts'
import type { Wording } from './wording.ts'

/** What the room needs. */
export interface IncidentDependencies extends UnitDependencies {
  readonly profiles: SlaProfiles
  readonly wording: Wording
  /** Left out: nothing hides anything. */
  readonly topology?: Topology
  /** Every alert the rules hold now; only pending ones are looked at. Left out: none is pending. */
  alerts?(): readonly PendingAlert[]
  readonly log: Pick<Log, 'warn'>
  /** Everybody who may be named as in charge, as having called or confirmed. */
  people(db: Reader): Promise<readonly KnownPerson[]>
  /** Told of each entry of the work log, inside its transaction. */
  worked?(trx: StateTransaction, entry: WorkLogged): Promise<void>
}

/** The incidents room. Numbers are those people see, F20261122-001. */
export interface Incidents extends People {
  /**
   * Takes what the rules found. Calls that come while one is being written are written together as one transaction.
   * May be repeated: what is known already changes nothing.
   */
  apply(changes: readonly AlertChange[]): Promise<void>
  /**
   * Compares with all alerts the rules hold now, at start-up and whenever `apply` failed: a crash between the rules'
   * own save and `apply` must not lose a fault.
   */
  reconcile(alerts: readonly Alert[]): Promise<void>
  /**
   * Puts other files (topology, profiles, sentences) in place by `swap`, between two pieces of work, and places everything
   * that fires anew. Running incidents keep the profile and the start they have.
   */
  refile(swap: () => void, alerts: () => readonly Alert[]): Promise<void>
  /** Closes what has stayed recovered long enough, and releases what no cause hides any more; every half minute or so. */
  settle(): Promise<void>
  list(filter: IncidentFilter): Promise<readonly IncidentSummary[]>
  /** The list as people look through it: what runs by its clocks first (`byUrgency`), then what is over, newest start first. */
  search(search: IncidentSearch): Promise<readonly IncidentSummary[]>
  get(number: string): Promise<IncidentDetail | undefined>
  /** Incidents that went into this one, newest first. */
  mergedInto(number: string, limit: number): Promise<readonly IncidentSummary[]>
  /** The full list of what an incident explains, by page. */
  hidden(number: string, page: { readonly offset: number; readonly limit: number }): Promise<readonly HiddenListed[]>
  attachment(number: string, id: number): ReturnType<typeof readAttachment>
  workLog(filter: WorkFilter): Promise<readonly WorkLogged[]>
  /** Number of the incident that an alert belongs to, or that explains it, while it is not closed. */
  numberOf(fingerprint: string): string | undefined
  /** Incidents whose fault is running or whose reopening window is not over. */
  live(): readonly Incident[]
  /** The clocks that run, for the duty room. */
  clocks(now: number): readonly IncidentClocks[]
  /** Samples of `incidentSeries` and `topologySeries`. */
  series(now: number): readonly SeriesValue[]
  /** Called with each incident that changed, after the commit; returns what ends it. */
  subscribe(listener: (incident: Incident) => void): () => void
}

/** Opens the room over state.db. */
export async function createIncidents(deps: IncidentDependencies): Promise<Incidents> {
  const { state, wording, clock, topology = emptyTopology } = deps
  await rebuildOutdated(state, deps.log)
  const board = createBoard(await listIncidents(state.db, { state: 'live', limit: Number.MAX_SAFE_INTEGER }), await hiddenNow(state.db))
  const listeners = new Set<(incident: Incident) => void>()
  const units = createUnits(deps, board, (incidents) => {
    for (const incident of incidents) for (const listener of listeners) listener(incident)
  })
  const intake = createIntake({ profiles: deps.profiles, topology, log: deps.log })
  const known = (fingerprint: string): boolean => board.hidden(fingerprint) !== undefined || board.byFingerprint(fingerprint) !== undefined
  let waiting: { readonly changes: AlertChange[]; readonly done: Promise<void> } | undefined

  function apply(changes: readonly AlertChange[]): Promise<void> {
    if (waiting !== undefined) {
      waiting.changes.push(...changes)
      return waiting.done
    }
    if (!changes.some((change) => intake.concerns(change, known))) return Promise.resolve()
    const list = [...changes]
    const done = units.run(async (unit) => {
      waiting = undefined
      await intake.apply(unit, list.filter((change) => intake.concerns(change, known)))
    }).finally(() => {
      // A transaction that could not even begin has taken nothing.
      if (waiting?.changes === list) waiting = undefined
    })
    waiting = { changes: list, done }
    return done
  }

  const pending = (view: BoardView): ReadonlyMap<number, number> => pendingByIncident(deps.alerts?.() ?? [], view, topology)

  async function settle(): Promise<void> {
    const now = clock.now()
    const held = pending(board)
    const isDue = (incident: Incident): boolean => step(incident, settling(held.get(incident.id)), now).kind === 'stepped'
    if (!intake.releaseIsDue(now) && ![...board.incidents()].some(isDue)) return
    await units.run(async (unit) => {
      // Asked again: an alert may have become pending while this waited for its turn.
      const stillHeld = pending(unit.draft)
      for (const incident of unit.draft.incidents()) settleOne(unit, incident, unit.now, stillHeld.get(incident.id))
      await intake.release(unit)
    })
  }

  return {
    ...createPeople({ profiles: deps.profiles, wording, run: units.run, standingOn: (instance) => topology.standingOn(instance), known: (db) => deps.people(db), worked: deps.worked, pendingSince: (unit, incident) => pending(unit.draft).get(incident.id) }),
    apply,
    reconcile: (alerts) => units.run((unit) => intake.reconcile(unit, alerts)),
    refile: (swap, alerts) =>
      units.run((unit) => {
        swap()
        return intake.reconcile(unit, alerts())
      }),
    settle,
    list: async (filter) => (await listIncidents(state.db, filter)).map((incident) => incidentSummary(incident, wording, clock.now())),
    async search(search) {
      const now = clock.now()
      return (await searchIncidents(state.db, board.incidents(), search, now)).map((incident) => incidentSummary(incident, wording, now))
    },
    get: (number) =>
      // One transaction, so that the projection and its events are of the same moment.
      state.db.transaction().execute(async (trx) => {
        const incident = await incidentByNumber(trx, number)
        if (incident === undefined) return undefined
        const [events, notifications] = [await eventsOf(trx, incident.id), await notificationsOf(trx, incident.id)]
        return incidentDetail(incident, events, notifications, wording, clock.now(), pending(board).get(incident.id))
      }),
    async mergedInto(number, limit) {
      const into = await incidentByNumber(state.db, number)
      if (into === undefined) return []
      return (await listIncidents(state.db, { mergedInto: into.id, limit })).map((incident) => incidentSummary(incident, wording, clock.now()))
    },
    async hidden(number, page) {
      const incident = await incidentByNumber(state.db, number)
      return incident === undefined ? [] : hiddenOf(state.db, incident.id, page)
    },
    async attachment(number, id) {
      const incident = await incidentByNumber(state.db, number)
      return incident === undefined ? undefined : readAttachment(state.db, incident.id, id)
    },
    workLog: (filter) => listWork(state.db, filter),
    numberOf: (fingerprint) => board.hidden(fingerprint)?.number ?? board.byFingerprint(fingerprint)?.number,
    live: () => [...board.incidents()],
    clocks: (now) => clocksOf(board.incidents(), now),
    series: (now) => [...incidentSamples(board.incidents(), now), ...topologySamples(topology)],
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Projections that an earlier version stored are made anew from their events, so that replay and row agree again. */
async function rebuildOutdated(state: State, log: IncidentDependencies['log']): Promise<void> {
  for (const id of await outdatedIds(state.db)) {
    try {
      await state.db.transaction().execute(async (trx) => storeProjection(trx, replay(await eventsOf(trx, id))))
    } catch (error) {
      // The old projection can still be read; one damaged incident must not keep all others from being handled.
      log.warn('incidents: a projection of an earlier version cannot be made anew and is used as it is', { id, error: error instanceof Error ? error.message : String(error) })
    }
  }
}

/**
 * The shell of the incidents room: reads the projection, lets `step` decide, and writes event, projection, audit row
 * and owed messages in one transaction. state.db has one writer, so two people who act at once are put in order there.
 */
import type { IncidentDetail, IncidentSummary } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import { incidentSubject } from '../correlate/key.ts'
import { officeTime } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Alert, AlertChange } from '../rules/alert.ts'
import { appendAudit } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { AlertFacts, LiveEvent, OpenEvent } from './event.ts'
import { open, step } from './incident.ts'
import type { Effect, Incident, Mark, Refusal } from './incident.ts'
import { notice } from './notice.ts'
import type { Notice } from './notice.ts'
import type { SlaProfiles } from './profile.ts'
import { incidentSamples } from './series.ts'
import type { SeriesValue } from './series.ts'
import { eventsOf, incidentByNumber, incidentOfAlert, listIncidents, newestOfKey, nextNumber, notificationsOf, storeStep } from './storage.ts'
import type { IncidentFilter } from './storage.ts'
import { incidentDetail, incidentSummary } from './view.ts'
import { fill } from './wording.ts'
import type { Wording } from './wording.ts'

/** Live incidents that are kept in memory for samples; far more than people could ever handle. */
const LIVE_LIMIT = 10_000

/** What the room needs. `announce` queues messages inside the given transaction; `announced` hears of the commit. */
export interface IncidentDependencies {
  readonly state: State
  readonly profiles: SlaProfiles
  readonly wording: Wording
  readonly clock: { now(): number }
  readonly log: Pick<Log, 'warn'>
  announce(trx: StateTransaction, notice: Notice, now: number): Promise<void>
  announced(): void
}

/** Answer to a person's act. Shaped so that a route can pass it on. */
export type ActOutcome =
  | { readonly kind: 'done'; readonly value: undefined }
  | { readonly kind: 'refused'; readonly status: 404 | 409 | 422; readonly code: string; readonly message: string }

/** The incidents room. Numbers are those people see, F20261122-001. */
export interface Incidents {
  /** Takes what the rules found, all in one transaction. May be repeated: what is known already changes nothing. */
  apply(changes: readonly AlertChange[]): Promise<void>
  /**
   * Compares with all alerts the rules hold now, at start-up and whenever `apply` failed: a crash between the rules'
   * own save and `apply` must not lose a fault.
   */
  reconcile(alerts: readonly Alert[]): Promise<void>
  acknowledge(number: string, actor: string, source: string): Promise<ActOutcome>
  dispose(number: string, actor: string, text: string, snapshot: Json): Promise<ActOutcome>
  comment(number: string, actor: string, text: string): Promise<ActOutcome>
  close(number: string, actor: string, text: string): Promise<ActOutcome>
  /** Closes what has stayed recovered long enough; to be called every minute or so. */
  settle(): Promise<void>
  list(filter: IncidentFilter): Promise<readonly IncidentSummary[]>
  get(number: string): Promise<IncidentDetail | undefined>
  /** Number of the incident that an alert belongs to, while it is not closed. */
  numberOf(fingerprint: string): string | undefined
  /** Samples of `incidentSeries`. */
  series(now: number): readonly SeriesValue[]
  /** Called with each incident that changed, after the commit; returns what ends it. */
  subscribe(listener: (incident: Incident) => void): () => void
}

/** Opens the room over state.db. */
export async function createIncidents(deps: IncidentDependencies): Promise<Incidents> {
  const { state, wording, clock } = deps
  const live = new Map<number, Incident>()
  for (const incident of await listIncidents(state.db, { state: 'live', limit: LIVE_LIMIT })) live.set(incident.id, incident)
  const listeners = new Set<(incident: Incident) => void>()

  /** Runs `work` in a transaction and publishes what it changed once that is on disk. */
  async function commit<T>(work: (trx: StateTransaction, write: Write) => Promise<T>): Promise<T> {
    const changed = new Map<number, Incident>()
    let told = false
    const result = await state.db.transaction().execute((trx) =>
      work(trx, async (incident, event, mark, effects, now) => {
        await storeStep(trx, incident, event, mark, now)
        for (const effect of effects) {
          told = true
          await deps.announce(trx, notice(effect.what, effect.round, incident), now)
        }
        changed.set(incident.id, incident)
      }),
    )
    for (const incident of changed.values()) {
      if (incident.state === 'closed') live.delete(incident.id)
      else live.set(incident.id, incident)
    }
    for (const incident of changed.values()) for (const listener of listeners) listener(incident)
    if (told) deps.announced()
    return result
  }

  async function fire(trx: StateTransaction, write: Write, alert: Alert, now: number): Promise<void> {
    const subject = incidentSubject(alert.labels)
    const facts = alertFacts(alert)
    const newest = await newestOfKey(trx, subject.key)
    if (newest !== undefined) {
      const event: LiveEvent = { type: 'alert-firing', alert: facts }
      const outcome = step(newest, event, now)
      if (outcome.kind === 'unchanged') return
      if (outcome.kind === 'stepped') return write(outcome.incident, event, outcome.mark, outcome.effects, now)
      // The window is over: what is still only recovered is closed first, so that one key has one live incident.
      await settleOne(newest, write, now, facts.startedAt)
    }
    const day = officeTime(now).slice(0, 10).replaceAll('-', '')
    const event: OpenEvent = { type: 'open', ...(await nextNumber(trx, day)), ...subject, profile: profileOf(alert), alert: facts }
    const outcome = open(event, now)
    await write(outcome.incident, event, outcome.mark, outcome.effects, now)
  }

  function profileOf(alert: Alert): SlaProfiles['fallback'] {
    const name = alert.labels['sla'] ?? ''
    const profile = deps.profiles.byName.get(name)
    if (profile !== undefined) return profile
    // A fault is never lost over a name: it runs under the first profile, and the log says so.
    deps.log.warn('incidents: unknown SLA profile, the first one is used', { alert: alert.name, profile: name, used: deps.profiles.fallback.name })
    return deps.profiles.fallback
  }

  async function resolve(trx: StateTransaction, write: Write, alert: Alert, why: 'condition-false' | 'no-data', now: number): Promise<void> {
    const incident = await incidentOfAlert(trx, alert.fingerprint)
    if (incident === undefined) return
    const event: LiveEvent = { type: 'alert-resolved', fingerprint: alert.fingerprint, why, at: alert.resolvedAt ?? now }
    const outcome = step(incident, event, now)
    if (outcome.kind === 'stepped') await write(outcome.incident, event, outcome.mark, outcome.effects, now)
  }

  async function applyChange(trx: StateTransaction, write: Write, change: AlertChange, now: number): Promise<void> {
    if (!carriesSla(change.alert)) return
    switch (change.kind) {
      case 'firing':
      case 'updated':
        if (change.alert.state === 'firing') await fire(trx, write, change.alert, now)
        return
      case 'resolved':
        await resolve(trx, write, change.alert, change.why, now)
    }
  }

  async function act(number: string, actor: string, action: string, event: LiveEvent, detail: Json): Promise<ActOutcome> {
    return commit(async (trx, write): Promise<ActOutcome> => {
      const now = clock.now()
      const incident = await incidentByNumber(trx, number)
      if (incident === undefined) return { kind: 'refused', status: 404, code: 'unknown-incident', message: wording.refusal['unknown-incident'] }
      const outcome = step(incident, event, now)
      if (outcome.kind === 'refused') return refusal(outcome.refusal, wording)
      if (outcome.kind === 'stepped') {
        await write(outcome.incident, event, outcome.mark, outcome.effects, now)
        await appendAudit(trx, { at: now, actor, action: `incident.${action}`, object: number, detail })
      }
      return { kind: 'done', value: undefined }
    })
  }

  return {
    apply: (changes) => {
      if (!changes.some((change) => carriesSla(change.alert))) return Promise.resolve()
      return commit(async (trx, write) => {
        const now = clock.now()
        for (const change of changes) await applyChange(trx, write, change, now)
      })
    },
    reconcile: (alerts) =>
      commit(async (trx, write) => {
        const now = clock.now()
        for (const alert of alerts) if (carriesSla(alert) && alert.state === 'firing') await fire(trx, write, alert, now)
        const held = new Set(alerts.filter((alert) => alert.state === 'firing').map((alert) => alert.fingerprint))
        // An alert the rules no longer hold ended while nobody recorded why. That is no proof of recovery.
        for (const incident of await listIncidents(trx, { state: 'open', limit: LIVE_LIMIT })) {
          let current = incident
          for (const alert of incident.alerts) {
            if (alert.state !== 'firing' || held.has(alert.fingerprint)) continue
            const event: LiveEvent = { type: 'alert-resolved', fingerprint: alert.fingerprint, why: 'no-data', at: now }
            const outcome = step(current, event, now)
            if (outcome.kind !== 'stepped') continue
            await write(outcome.incident, event, outcome.mark, outcome.effects, now)
            current = outcome.incident
          }
        }
      }),
    acknowledge: (number, actor, source) => act(number, actor, 'acknowledge', { type: 'acknowledge', by: actor, source }, { source }),
    dispose: (number, actor, text, snapshot) => act(number, actor, 'dispose', { type: 'dispose', by: actor, text, snapshot }, { text }),
    comment: (number, actor, text) => act(number, actor, 'comment', { type: 'comment', by: actor, text }, { text }),
    close: (number, actor, text) => act(number, actor, 'close', { type: 'close', by: actor, text }, { text }),
    settle: async () => {
      const now = clock.now()
      if (![...live.values()].some((incident) => step(incident, { type: 'settle' }, now).kind === 'stepped')) return
      await commit(async (trx, write) => {
        for (const incident of await listIncidents(trx, { state: 'live', limit: LIVE_LIMIT })) await settleOne(incident, write, now, now)
      })
    },
    list: async (filter) => (await listIncidents(state.db, filter)).map((incident) => incidentSummary(incident, wording, clock.now())),
    get: (number) =>
      // One transaction, so that the projection and its events are of the same moment.
      state.db.transaction().execute(async (trx) => {
        const incident = await incidentByNumber(trx, number)
        if (incident === undefined) return undefined
        const [events, notifications] = [await eventsOf(trx, incident.id), await notificationsOf(trx, incident.id)]
        return incidentDetail(incident, events, notifications, wording, clock.now())
      }),
    numberOf(fingerprint) {
      for (const incident of live.values()) if (incident.alerts.some((alert) => alert.fingerprint === fingerprint)) return incident.number
      return undefined
    },
    series: (now) => incidentSamples(live.values(), now),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

type Write = (incident: Incident, event: OpenEvent | LiveEvent, mark: Mark, effects: readonly Effect[], now: number) => Promise<void>

const carriesSla = (alert: Alert): boolean => (alert.labels['sla'] ?? '') !== ''

/** `at` is the moment that decides; it is what the event is stored with, so that a replay decides alike. */
async function settleOne(incident: Incident, write: Write, now: number, at: number): Promise<void> {
  const event: LiveEvent = { type: 'settle' }
  const when = Math.max(now, at)
  const outcome = step(incident, event, when)
  if (outcome.kind === 'stepped') await write(outcome.incident, event, outcome.mark, outcome.effects, when)
}

function alertFacts(alert: Alert): AlertFacts {
  const { fingerprint, name, labels, annotations, activeAt, startedAt } = alert
  return {
    fingerprint,
    name,
    labels,
    severity: severityOf(labels['severity']),
    summary: annotations['summary'] ?? name,
    description: annotations['description'] ?? '',
    action: annotations['action'] ?? '',
    value: Number.isFinite(alert.value) ? alert.value : null,
    activeAt,
    startedAt,
  }
}

/** A missing word is the middle one; a word nobody knows must not hide a fault from anybody. */
function severityOf(word: string | undefined): Severity {
  if (word === undefined || word === '') return 'warning'
  return word === 'info' || word === 'warning' ? word : 'critical'
}

function refusal(why: Refusal, wording: Wording): ActOutcome {
  switch (why.code) {
    case 'acknowledged-already':
      return { kind: 'refused', status: 409, code: why.code, message: fill(wording.refusal[why.code], { by: why.by, at: officeTime(why.at) }) }
    case 'text-missing':
      return { kind: 'refused', status: 422, code: why.code, message: wording.refusal[why.code] }
    case 'still-bad':
    case 'closed':
    case 'reopen-window-over':
      return { kind: 'refused', status: 409, code: why.code, message: wording.refusal[why.code] }
  }
}

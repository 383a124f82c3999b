/**
 * Routing at work: takes alerts in, keeps the groups' timers, and hands each due notification on in the transaction
 * that also writes the notification log and the decision, so that a crash neither doubles nor loses one.
 *
 * Everything that changes state runs one after the other; a report is on disk before it is acknowledged.
 */
import { randomUUID } from 'node:crypto'
import type { Labels } from '../../protocol/series.ts'
import type { Clock } from '../clock.ts'
import { errorText } from '../log.ts'
import type { Log } from '../log.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { Decision, DraftDecision } from './decision.ts'
import { beginFlush, dueGroups, emptyGroups, insertAlert, nextDueAt, tidyGroups } from './dispatch.ts'
import type { AlertGroup, AlertGroups, Place } from './dispatch.ts'
import { planFlush } from './flush.ts'
import type { FlushPlan, Notification } from './flush.ts'
import { createInhibitor } from './inhibit.ts'
import type { Inhibitor } from './inhibit.ts'
import { logKey } from './notification-log.ts'
import type { RouteFile } from './route-file.ts'
import { matchRoutes } from './route.ts'
import { forgetOld, insertDecision, lastDecisionId, loadAlert, loadAlerts, loadDecisions, loadLog, saveAlerts, saveLeft } from './route-storage.ts'
import type { KeptAlert } from './route-storage.ts'
import { isResolved, mergeReport } from './routed-alert.ts'
import type { AlertReport, RoutedAlert } from './routed-alert.ts'
import { openSilences } from './run-silences.ts'
import type { Silences } from './run-silences.ts'
import type { MuteWorld } from './stages.ts'
import { takeTurns } from '../rules/turns.ts'
import { emptyMemory, leftName, remember, writeFlushes } from './write-flush.ts'

/** How often the timers are looked at. */
const TICK_MS = 100
/** Alertmanager's interval for removing empty groups. */
const TIDY_MS = 30_000
/** Alertmanager's interval for forgetting alerts that are over: until then a late report can still overlap one. */
const FORGET_MS = 30 * 60_000
/** Groups whose flushes share a transaction. */
const BATCH = 25
/** A flush that failed is tried again after this time, or after group_interval where that is shorter. */
const RETRY_MS = 10_000

export interface DispatchDependencies {
  readonly state: State
  readonly clock: Clock
  readonly log: Pick<Log, 'warn' | 'error'>
  readonly routes: RouteFile
  /** The number of the incident an alert of these labels belongs to, if any. */
  incidentOf(labels: Labels): string | undefined
  /** Fingerprint of the alert that speaks for this one, which then is not told by itself (an incident for its alerts). */
  spokenForBy?(alert: RoutedAlert): string | undefined
  /** Queues a notification inside that transaction; the ids of what it queued go into the decision. */
  deliver(notification: Notification, trx: StateTransaction): Promise<readonly string[]>
  /** Called after a commit that queued something. */
  delivered(): void
  /** How long decisions, ended silences and gone alerts are kept. */
  readonly retentionMs: number
  /** Ids of new silences. */
  newId?(): string
}

/** An alert with what stands in its way now. */
export interface AlertStanding {
  readonly alert: RoutedAlert
  /** Receivers of its routes, one for each route. */
  readonly receivers: readonly string[]
  readonly silencedBy: readonly string[]
  readonly inhibitedBy: readonly string[]
}

export interface Dispatch {
  readonly silences: Silences
  routes(): RouteFile
  /** Takes reports in; resolves when they are on disk. */
  put(reports: readonly AlertReport[]): Promise<void>
  /** Ends alerts now, whoever reported them. */
  resolve(fingerprints: readonly string[]): Promise<void>
  /** Ends the rules' alerts that are not among these: their rule is gone. */
  keepOnly(fingerprints: ReadonlySet<string>): Promise<void>
  /** Looks up every alert's incident anew: an alert whose incident was absorbed moves to the other one's group. */
  reroute(): Promise<void>
  /** Puts another routes file in place; the notification log goes on. */
  setRoutes(routes: RouteFile): Promise<void>
  /** Alerts that are not over, with what mutes them. */
  alerts(): readonly AlertStanding[]
  /** Every alert that is remembered, also those that are over. */
  known(): readonly RoutedAlert[]
  groups(): readonly AlertGroup[]
  standing(alert: RoutedAlert): AlertStanding
  decisions(from: number, to: number): Promise<readonly Decision[]>
  /** Also one that is over, while it is kept. */
  alert(fingerprint: string): Promise<RoutedAlert | undefined>
  /** Flushes what is due. The clock calls it; tests may. */
  runDue(): Promise<void>
  tidy(): Promise<void>
  /** Waits for what is under way, then stops. */
  stop(): Promise<void>
}

/** Restores groups, log and silences from state.db and starts the timers. */
export async function startDispatch(deps: DispatchDependencies): Promise<Dispatch> {
  const { state, clock, log } = deps
  const alerts = new Map<string, RoutedAlert>()
  const memory = emptyMemory(await lastDecisionId(state.db))
  const { left, entries } = memory
  let routes = deps.routes
  let groups: AlertGroups = emptyGroups(routes.route)
  let inhibitor: Inhibitor = createInhibitor(routes.inhibitRules)
  let nextAt = 0
  let stopped = false
  let tail: Promise<unknown> = Promise.resolve()
  let rerouting: Promise<void> | undefined

  /** One after the other, whatever became of the one before. */
  function exclusive<T>(task: () => Promise<T>): Promise<T> {
    const run = tail.then(task)
    tail = run.then(
      () => undefined,
      () => undefined,
    )
    return run
  }

  const silences = await openSilences({ state, exclusive, now: () => clock.now(), newId: deps.newId ?? randomUUID })

  function inhibitedBy(alert: RoutedAlert, now: number): readonly string[] {
    const rules = inhibitor.inhibitedBy(alert.routing, now)
    const speaker = deps.spokenForBy?.(alert)
    return speaker === undefined || rules.includes(speaker) ? rules : [...rules, speaker].sort()
  }

  function world(): MuteWorld {
    return { inhibitedBy, silencedBy: silences.silencedBy, timeIntervals: routes.timeIntervals }
  }

  function routed(report: AlertReport): RoutedAlert {
    const incident = deps.incidentOf(report.labels)
    return { ...report, routing: incident === undefined ? report.labels : { ...report.labels, incident } }
  }

  function toldAt(place: Place): number | undefined {
    let newest: number | undefined
    for (const integration of routes.receivers.get(place.route.receiver)?.integrations ?? []) {
      const entry = entries.get(logKey(place.key, place.route.receiver, integration.name))
      if (entry !== undefined && entry.firing.length > 0) newest = Math.max(newest ?? 0, entry.at)
    }
    return newest
  }

  /** Into memory; `fresh` false: an alert that was there before a restart or another routes file. */
  function hold(alert: RoutedAlert, now: number, fresh: boolean): void {
    alerts.set(alert.fingerprint, alert)
    inhibitor.put(alert)
    const told = left.get(alert.fingerprint) ?? []
    for (const group of insertAlert(groups, alert, now, fresh ? {} : { skip: (place) => told.includes(leftName(place)), resume: toldAt })) nextAt = Math.min(nextAt, group.dueAt)
  }

  async function store(changed: readonly RoutedAlert[]): Promise<void> {
    if (changed.length === 0) return
    await state.db.transaction().execute((trx) => saveAlerts(trx, changed))
    const now = clock.now()
    const turns = takeTurns()
    for (const alert of changed) {
      left.delete(alert.fingerprint)
      hold(alert, now, true)
      await turns.yieldIfDue()
    }
    kick()
  }

  /** Flushes without making anybody wait for it. */
  function kick(): void {
    if (!stopped && nextAt <= clock.now()) runDue().catch((error: unknown) => log.error('alerts cannot be flushed', { error: errorText(error) }))
  }

  function runDue(): Promise<void> {
    return exclusive(async () => {
      const now = clock.now()
      if (now < nextAt) return
      const due = dueGroups(groups, now)
      for (let from = 0; from < due.length; from += BATCH) await flush(due.slice(from, from + BATCH), now)
      nextAt = nextDueAt(groups)
    })
  }

  async function flush(due: readonly AlertGroup[], now: number): Promise<void> {
    const plans = due.flatMap((group) => {
      const begun = beginFlush(group, now)
      const receiver = routes.receivers.get(group.route.receiver)
      if (begun === undefined || receiver === undefined) return []
      return [planFlush(begun, receiver, world(), (integration) => entries.get(logKey(group.key, receiver.name, integration)))]
    })
    if (plans.length === 0) return
    try {
      await commit(plans)
    } catch (error) {
      if (plans.length === 1) return failed(plans, error)
      // One bad one must not hold up the others.
      for (const plan of plans) await commit([plan]).catch((cause: unknown) => failed([plan], cause))
    }
  }

  async function commit(plans: readonly FlushPlan[]): Promise<void> {
    const written = await state.db.transaction().execute((trx) => writeFlushes(trx, plans, groups, memory, (notification) => deps.deliver(notification, trx)))
    if (remember(written, groups, memory) > 0) deps.delivered()
  }

  async function failed(plans: readonly FlushPlan[], error: unknown): Promise<void> {
    log.error('a notification could not be queued', { groups: plans.map((plan) => plan.flush.group.key), error: errorText(error) })
    for (const { flush: { group, at } } of plans) {
      group.dueAt = at + Math.min(RETRY_MS, group.route.groupIntervalMs)
      const draft: DraftDecision = { groupKey: group.key, receiver: group.route.receiver, integration: '', stage: 'deliver', outcome: 'failed', firing: [...group.alerts.keys()].sort(), resolved: [], why: { kind: 'error', message: errorText(error) } }
      await state.db.transaction().execute((trx) => insertDecision(trx, memory.nextDecisionId(), draft, at, [])).catch((cause: unknown) => log.error('a failure could not be recorded', { error: errorText(cause) }))
    }
  }

  function standing(alert: RoutedAlert): AlertStanding {
    const now = clock.now()
    return {
      alert,
      receivers: matchRoutes(routes.route, alert.routing).map((route) => route.receiver),
      silencedBy: silences.silencedBy(alert.routing, now),
      inhibitedBy: inhibitedBy(alert, now),
    }
  }

  /** Everything anew from the alerts that groups still hold. */
  function rebuild(kept: readonly RoutedAlert[]): void {
    groups = emptyGroups(routes.route)
    inhibitor = createInhibitor(routes.inhibitRules)
    nextAt = 0
    const now = clock.now()
    for (const alert of kept) hold(alert, now, false)
    nextAt = nextDueAt(groups)
  }

  for (const entry of await loadLog(state.db)) entries.set(logKey(entry.groupKey, entry.receiver, entry.integration), entry)
  const kept: readonly KeptAlert[] = await loadAlerts(state.db, clock.now() - FORGET_MS, (error) => log.error('a kept alert is left out', { error: errorText(error) }))
  for (const one of kept) {
    left.set(one.alert.fingerprint, one.left)
    alerts.set(one.alert.fingerprint, routed(one.alert))
  }
  rebuild(kept.filter((one) => one.goneAt === undefined).map((one) => routed(one.alert)))

  const ends = (fingerprints: readonly string[]): Promise<void> =>
    exclusive(async () => {
      const now = clock.now()
      await store(fingerprints.flatMap((fingerprint) => {
        const alert = alerts.get(fingerprint)
        return alert === undefined || isResolved(alert, now) ? [] : [{ ...alert, endsAt: now, updatedAt: now, timeout: false }]
      }))
    })

  async function tidy(): Promise<void> {
    await exclusive(async () => {
      const now = clock.now()
      tidyGroups(groups, now)
      const over = [...alerts.values()].filter((alert) => alert.endsAt !== undefined && alert.endsAt <= now - FORGET_MS && !groups.holding.has(alert.fingerprint))
      await state.db.transaction().execute(async (trx) => {
        for (const alert of over) await saveLeft(trx, alert.fingerprint, left.get(alert.fingerprint) ?? [], now)
        await forgetOld(trx, now - deps.retentionMs, now)
      })
      for (const { fingerprint } of over) {
        alerts.delete(fingerprint)
        left.delete(fingerprint)
        inhibitor.remove(fingerprint)
      }
      for (const [key, entry] of entries) if (entry.expiresAt <= now) entries.delete(key)
      silences.forget(now - deps.retentionMs)
      nextAt = nextDueAt(groups)
    })
  }

  const stops = [clock.every(TICK_MS, 'notify.dispatch', runDue), clock.every(TIDY_MS, 'notify.tidy', tidy)]

  return {
    silences,
    routes: () => routes,
    put: (reports) =>
      exclusive(async () => {
        const now = clock.now()
        // Two reports of one alert in one call follow one another.
        const merged = new Map<string, RoutedAlert>()
        for (const report of reports) merged.set(report.fingerprint, mergeReport(merged.get(report.fingerprint) ?? alerts.get(report.fingerprint), routed(report), now))
        await store([...merged.values()])
      }),
    resolve: ends,
    keepOnly: (fingerprints) => ends([...alerts.values()].filter((alert) => alert.origin === 'rules' && !fingerprints.has(alert.fingerprint)).map((alert) => alert.fingerprint)),
    // Whoever asks while one waits for its turn is served by that one: a cause may absorb thousands at once.
    reroute: () =>
      (rerouting ??= exclusive(async () => {
        rerouting = undefined
        const now = clock.now()
        // A list of its own: moving an alert changes the map.
        const held = Array.from(groups.holding.keys())
        const turns = takeTurns()
        for (const fingerprint of held) {
          await turns.yieldIfDue()
          const alert = alerts.get(fingerprint)
          if (alert === undefined) continue
          const anew = routed(alert)
          if (anew.routing['incident'] !== alert.routing['incident']) hold(anew, now, true)
        }
        kick()
      })),
    setRoutes: (file) =>
      exclusive(async () => {
        routes = file
        const held = [...groups.holding.keys()].flatMap((fingerprint) => alerts.get(fingerprint) ?? [])
        rebuild(held)
        await Promise.resolve()
        kick()
      }),
    alerts: () => [...alerts.values()].filter((alert) => !isResolved(alert, clock.now())).map(standing),
    known: () => [...alerts.values()],
    groups: () => [...groups.byId.values()],
    standing,
    decisions: (from, to) => loadDecisions(state.db, from, to),
    alert: async (fingerprint) => {
      const known = alerts.get(fingerprint)
      if (known !== undefined) return known
      const row = await loadAlert(state.db, fingerprint)
      return row === undefined ? undefined : routed(row.alert)
    },
    runDue,
    tidy,
    async stop() {
      stopped = true
      for (const stop of stops) stop()
      await exclusive(() => Promise.resolve())
    },
  }
}

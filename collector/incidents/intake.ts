/**
 * What alerts do to the room: each firing one joins its incident, opens one, or is listed on the incident of the cause
 * that hides it. A cause that shows later absorbs what stands behind it; when a cause is over, what still fires is
 * given some time to end and then stands for itself. SPEC.md §Correlation.
 */
import { cutsOf } from '../correlate/cut.ts'
import type { Cuts } from '../correlate/cut.ts'
import { incidentSubject } from '../correlate/key.ts'
import type { Topology } from '../correlate/topology.ts'
import type { Log } from '../log.ts'
import type { Alert, AlertChange, ResolvedWhy } from '../rules/alert.ts'
import { alertFacts, carriesSla } from './alert-facts.ts'
import type { HiddenAlert } from './board.ts'
import type { AlertFacts, EventOf } from './event.ts'
import { createHidingBook } from './hiding.ts'
import { isLive, isRunning } from './incident.ts'
import type { Incident } from './incident.ts'
import { profileFor } from './profile.ts'
import type { SlaProfile, SlaProfiles } from './profile.ts'
import { incidentById, newestOfKey } from './storage.ts'
import type { Unit } from './unit.ts'

export interface IntakeDependencies {
  readonly profiles: SlaProfiles
  readonly topology: Topology
  readonly log: Pick<Log, 'warn'>
}

/** The part of the room that alerts reach. Each method is called inside a unit, one at a time. */
export interface Intake {
  /** Whether a change can mean anything here; others need no transaction. */
  concerns(change: AlertChange, known: (fingerprint: string) => boolean): boolean
  apply(unit: Unit, changes: readonly AlertChange[]): Promise<void>
  reconcile(unit: Unit, alerts: readonly Alert[]): Promise<void>
  /** Lets go of alerts whose cause has been over for long enough. */
  release(unit: Unit): Promise<void>
  releaseIsDue(now: number): boolean
}

/** What a look at the cuts has found. */
interface Survey {
  readonly standing: AlertFacts[]
  readonly hideable: { readonly facts: AlertFacts; readonly root: string }[]
  /** Ids of running incidents that have become effects. */
  readonly effects: number[]
  /** Alerts that stay hidden, perhaps by another cause than before. */
  readonly kept: { readonly hidden: HiddenAlert; readonly root: string }[]
  /** Every cause that hides something. */
  readonly roots: Set<string>
}

/** Closes a recovered incident whose window is over; `at` decides, and is what the event is stored with. `pendingSince` may hold it back. */
export function settleOne(unit: Unit, incident: Incident, at: number, pendingSince?: number): void {
  unit.step(incident, settling(pendingSince), Math.max(unit.now, at))
}

/** The event that closes what has stayed recovered. */
export function settling(pendingSince: number | undefined): EventOf<'settle'> {
  return { type: 'settle', ...(pendingSince === undefined ? {} : { pendingSince }) }
}

export function createIntake({ profiles, topology, log }: IntakeDependencies): Intake {
  /** What fires now and can be hidden or hide: the rules' truth, whatever came of it here. */
  const firing = new Map<string, AlertFacts>()
  /** Hidden alerts that no cause explains any more, and since when. */
  const looseSince = new Map<string, number>()
  let cuts: Cuts | undefined

  function profileOf(facts: AlertFacts, service: string): SlaProfile {
    const object = topology.objectOf(facts.labels)
    const serves = topology.services.filter((one) => object !== undefined && one.members.includes(object.id)).map((one) => one.id)
    const { fault } = incidentSubject(facts.labels, object)
    const named = facts.labels['sla'] ?? ''
    const profile = profileFor(profiles, { services: [service, ...serves], severity: facts.severity, fault, named })
    if (profile !== undefined) return profile
    // A fault is never lost over a name: it runs under the first profile, and the log says so.
    if (named !== '') log.warn('incidents: unknown SLA profile, the first one is used', { alert: facts.name, profile: named, used: profiles.fallback.name })
    return profiles.fallback
  }

  /** Joins, reopens or opens the incident of an alert that stands for itself. */
  async function fire(unit: Unit, facts: AlertFacts, released?: { readonly from: string; readonly response: Incident['response'] }): Promise<void> {
    const subject = incidentSubject(facts.labels, topology.objectOf(facts.labels), topology.standingOn(facts.labels['instance'] ?? ''))
    const event = { type: 'alert-firing', alert: facts } as const
    const tried = new Set<number>()
    const takes = (incident: Incident | undefined): boolean => {
      if (incident === undefined || tried.has(incident.id)) return false
      tried.add(incident.id)
      if (unit.step(incident, event).kind !== 'refused') return true
      // The window is over: what is still only recovered is closed, so that one key has one live incident.
      if (isLive(incident)) settleOne(unit, incident, facts.startedAt)
      return false
    }
    const { draft } = unit
    if (takes(draft.byFingerprint(facts.fingerprint)) || takes(draft.byKey(subject.key))) return
    if (takes(await followed(unit, await newestOfKey(unit.trx, subject.key)))) return
    const profile = profileOf(facts, subject.service)
    await unit.open((id, number) => ({ type: 'open', id, number, ...subject, profile, alert: facts, ...(released === undefined ? {} : { released }) }))
  }

  /** Where a person has merged it to; an absorbed one stands for itself again. */
  async function followed(unit: Unit, incident: Incident | undefined): Promise<Incident | undefined> {
    let current = incident
    for (let hops = 0; current !== undefined && hops < 100; hops++) {
      current = unit.draft.byId(current.id) ?? current
      const into = current.mergedInto
      if (into === null) return current
      if (into.by === null) return undefined
      current = await incidentById(unit.trx, into.id)
    }
    return undefined
  }

  /** The cuts of all causes that fire, or whose data are missing: a cause that is not seen is not over. */
  function cutsNow(unit: Unit): Cuts {
    const causes = new Map<string, AlertFacts>()
    const add = (facts: AlertFacts): void => {
      if (topology.downIn(facts.labels) !== undefined) causes.set(facts.fingerprint, facts)
    }
    for (const { state, facts } of unit.draft.hiddenAlerts()) if (state === 'no-data') add(facts)
    for (const incident of unit.draft.incidents()) for (const alert of incident.alerts) if (alert.state === 'no-data') add(alert)
    for (const facts of firing.values()) add(facts)
    return cutsOf(causes.values(), topology, unit.now)
  }

  /** Finds a place for the newcomers; `moved`: causes have come or gone, so everything is looked at again. */
  async function place(unit: Unit, newcomers: ReadonlyMap<string, AlertFacts>, moved: boolean): Promise<void> {
    const { draft } = unit
    if (cuts === undefined || moved) cuts = cutsNow(unit)
    const { standing, hideable, effects, kept, roots } = survey(unit, newcomers, moved, cuts)
    const book = createHidingBook(unit)
    // A declared cause that hides anything is a fault, with or without a promise of its own.
    for (const facts of standing) if (carriesSla(facts) || roots.has(facts.fingerprint)) await fire(unit, facts)
    for (const root of roots) {
      const facts = firing.get(root)
      // A cause that is still hidden is given time to end itself before it stands for what is behind it.
      if (facts !== undefined && draft.hidden(root) === undefined && runningOf(unit, root) === undefined) await fire(unit, facts)
    }
    for (const id of effects) {
      // Looked at again: a newcomer may have joined that stands for itself.
      const incident = draft.byId(id)
      const root = incident === undefined ? undefined : effectOf(incident, cuts)
      const home = root === undefined ? undefined : runningOf(unit, root)
      if (incident !== undefined && home !== undefined) book.absorb(home.id, incident)
    }
    for (const { hidden, root } of kept) {
      const home = runningOf(unit, root)
      if (home !== undefined && hidden.incidentId !== home.id) book.move(hidden, home.id)
    }
    for (const { facts, root } of hideable) {
      const home = homeOf(unit, root)
      if (home !== undefined) book.hide(home.id, facts)
      else if (carriesSla(facts)) await fire(unit, facts)
    }
    await book.write()
  }

  /** Who stands for itself and who is hidden by which cause. Notes since when hidden alerts have none. */
  function survey(unit: Unit, newcomers: ReadonlyMap<string, AlertFacts>, moved: boolean, found: Cuts): Survey {
    const { draft, now } = unit
    const result: Survey = { standing: [], hideable: [], effects: [], kept: [], roots: new Set() }
    for (const facts of newcomers.values()) {
      const root = found.causeOf(facts)
      if (root === undefined) result.standing.push(facts)
      else result.hideable.push({ facts, root })
    }
    if (moved) {
      for (const incident of draft.incidents()) {
        const root = effectOf(incident, found)
        if (root === undefined) continue
        result.effects.push(incident.id)
        result.roots.add(root)
      }
      for (const hidden of draft.hiddenAlerts()) {
        const root = found.causeOf(hidden.facts)
        const { fingerprint } = hidden.facts
        if (root === undefined) looseSince.set(fingerprint, looseSince.get(fingerprint) ?? now)
        else {
          looseSince.delete(fingerprint)
          result.kept.push({ hidden, root })
        }
      }
      for (const facts of firing.values()) {
        if (newcomers.has(facts.fingerprint) || draft.hidden(facts.fingerprint) !== undefined || runningOf(unit, facts.fingerprint) !== undefined) continue
        const root = found.causeOf(facts)
        if (root !== undefined) result.hideable.push({ facts, root })
      }
    }
    for (const { root } of [...result.hideable, ...result.kept]) result.roots.add(root)
    return result
  }

  async function end(unit: Unit, book: ReturnType<typeof createHidingBook>, fingerprint: string, why: ResolvedWhy, at: number): Promise<void> {
    const hidden = unit.draft.hidden(fingerprint)
    if (hidden !== undefined) {
      if (why === 'condition-false') {
        looseSince.delete(fingerprint)
        book.unhide(hidden, 'ended')
      } else unit.hide({ id: hidden.incidentId, number: hidden.number }, hidden.facts, 'no-data')
      return
    }
    const joined = unit.draft.byFingerprint(fingerprint)
    if (joined !== undefined) unit.step(joined, { type: 'alert-resolved', fingerprint, why, at })
  }

  /** A firing alert that has its place already; false: it needs one. */
  function known(unit: Unit, facts: AlertFacts): boolean {
    const hidden = unit.draft.hidden(facts.fingerprint)
    if (hidden !== undefined) {
      if (hidden.state === 'no-data' || facts.startedAt < hidden.facts.startedAt) unit.hide({ id: hidden.incidentId, number: hidden.number }, earlier(facts, hidden.facts))
      return true
    }
    const joined = runningOf(unit, facts.fingerprint)
    return joined !== undefined && unit.step(joined, { type: 'alert-firing', alert: facts }).kind !== 'refused'
  }

  return {
    concerns: ({ alert }, isKnown) => carriesSla(alert) || isKnown(alert.fingerprint) || topology.objectOf(alert.labels) !== undefined,
    async apply(unit, changes) {
      const newcomers = new Map<string, AlertFacts>()
      const book = createHidingBook(unit)
      let moved = false
      for (const change of changes) {
        const { alert } = change
        const { fingerprint } = alert
        if (change.kind !== 'resolved' && alert.state !== 'firing') continue
        if (topology.downIn(alert.labels) !== undefined) moved = true
        if (change.kind === 'resolved') {
          firing.delete(fingerprint)
          // What came and went in one batch has happened all the same.
          if (newcomers.has(fingerprint)) {
            await place(unit, newcomers, moved)
            newcomers.clear()
          }
          await end(unit, book, fingerprint, change.why, alert.resolvedAt ?? unit.now)
          continue
        }
        const facts = alertFacts(alert)
        firing.set(fingerprint, facts)
        if (!known(unit, facts)) newcomers.set(fingerprint, facts)
      }
      await book.write()
      if (moved || newcomers.size > 0) await place(unit, newcomers, moved)
    },
    async reconcile(unit, alerts) {
      firing.clear()
      for (const alert of alerts) if (alert.state === 'firing' && (carriesSla(alert) || topology.objectOf(alert.labels) !== undefined)) firing.set(alert.fingerprint, alertFacts(alert))
      const held = new Set(alerts.filter((alert) => alert.state === 'firing').map((alert) => alert.fingerprint))
      const book = createHidingBook(unit)
      // An alert the rules no longer hold ended while nobody recorded why. That is no proof of recovery.
      for (const incident of unit.draft.incidents()) {
        for (const alert of incident.alerts) if (alert.state === 'firing' && !held.has(alert.fingerprint)) await end(unit, book, alert.fingerprint, 'no-data', unit.now)
      }
      for (const { facts, state } of unit.draft.hiddenAlerts()) if (state === 'firing' && !held.has(facts.fingerprint)) await end(unit, book, facts.fingerprint, 'no-data', unit.now)
      const newcomers = new Map([...firing].filter(([, facts]) => !known(unit, facts)))
      await place(unit, newcomers, true)
    },
    releaseIsDue: (now) => [...looseSince.values()].some((since) => now - since >= topology.releaseMs),
    async release(unit) {
      const book = createHidingBook(unit)
      for (const [fingerprint, since] of looseSince) {
        if (unit.now - since < topology.releaseMs) continue
        looseSince.delete(fingerprint)
        const hidden = unit.draft.hidden(fingerprint)
        if (hidden === undefined) continue
        book.unhide(hidden, 'released')
        const facts = earlier(firing.get(fingerprint) ?? hidden.facts, hidden.facts)
        if (!carriesSla(facts)) continue
        const cause = unit.draft.byId(hidden.incidentId) ?? (await incidentById(unit.trx, hidden.incidentId))
        await fire(unit, facts, { from: hidden.number, response: cause?.response ?? null })
        if (hidden.state === 'no-data') await end(unit, book, fingerprint, 'no-data', unit.now)
      }
      await book.write()
      // A released cause now stands for what is behind it.
      await place(unit, new Map(), true)
    },
  }
}

/** The cause of a running incident all of whose alerts are effects; people's own decisions are left alone. */
function effectOf(incident: Incident, cuts: Cuts): string | undefined {
  if (!isRunning(incident) || incident.report !== null || incident.splitFrom !== null) return undefined
  const roots = incident.alerts.filter((one) => one.state !== 'resolved').map((one) => cuts.causeOf(one))
  return roots.includes(undefined) ? undefined : roots[0]
}

/** The newer facts with the earlier start: a gap in the data does not begin a fault anew. */
function earlier(newer: AlertFacts, older: AlertFacts): AlertFacts {
  return older.startedAt < newer.startedAt ? { ...newer, startedAt: older.startedAt } : newer
}

/** The running incident an alert belongs to: joined, or hidden there. */
function homeOf(unit: Unit, fingerprint: string): Incident | undefined {
  const hidden = unit.draft.hidden(fingerprint)
  const incident = hidden === undefined ? runningOf(unit, fingerprint) : unit.draft.byId(hidden.incidentId)
  return incident !== undefined && isRunning(incident) ? incident : undefined
}

function runningOf(unit: Unit, fingerprint: string): Incident | undefined {
  const incident = unit.draft.byFingerprint(fingerprint)
  return incident !== undefined && isRunning(incident) ? incident : undefined
}

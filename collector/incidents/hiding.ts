/**
 * The bookkeeping of hiding: collects which alerts go under which incident and writes one event for each incident and
 * kind of change, so that ten thousand alerts are a few events. The alerts themselves are rows of `incident_hidden`.
 */
import { carriesSla } from './alert-facts.ts'
import type { HiddenAlert } from './board.ts'
import type { AlertFacts, HiddenFacts } from './event.ts'
import { LISTED, worst } from './incident.ts'
import type { Incident } from './incident.ts'
import { incidentById } from './storage.ts'
import type { Unit } from './unit.ts'

type Why = 'ended' | 'released' | 'moved'

/** What one unit hides and no longer hides. Nothing is an event before `write`. */
export interface HidingBook {
  hide(incidentId: number, facts: AlertFacts, state?: HiddenAlert['state']): void
  unhide(hidden: HiddenAlert, why: Why): void
  move(hidden: HiddenAlert, incidentId: number): void
  /** The incident turned out to be an effect: it and what it hides go under the other one. */
  absorb(incidentId: number, effect: Incident): void
  write(): Promise<void>
}

export function createHidingBook(unit: Unit): HidingBook {
  const hidden = new Map<number, AlertFacts[]>()
  const unhidden = new Map<number, Map<Why, string[]>>()
  const absorbed = new Map<number, Incident[]>()
  const put = <K, T>(map: Map<K, T[]>, key: K, one: T): void => void (map.get(key)?.push(one) ?? map.set(key, [one]))

  const book: HidingBook = {
    hide(incidentId, facts, state = 'firing') {
      const incident = unit.draft.byId(incidentId)
      if (incident === undefined) return
      unit.hide(incident, facts, state)
      put(hidden, incidentId, facts)
    },
    unhide(one, why) {
      unit.unhide(one, why)
      const kinds = unhidden.get(one.incidentId) ?? new Map<Why, string[]>()
      unhidden.set(one.incidentId, kinds)
      put(kinds, why, one.facts.fingerprint)
    },
    move(one, incidentId) {
      book.unhide(one, 'moved')
      book.hide(incidentId, one.facts, one.state)
    },
    absorb(incidentId, effect) {
      if (incidentId !== effect.id) put(absorbed, incidentId, effect)
    },
    async write() {
      for (const [id, effects] of absorbed) takeIn(unit, book, id, effects)
      for (const [id, kinds] of unhidden) {
        const incident = unit.draft.byId(id) ?? (await incidentById(unit.trx, id))
        if (incident === undefined) continue
        let current = incident
        for (const [why, fingerprints] of kinds) {
          const gone = new Set(fingerprints)
          const outcome = unit.step(current, { type: 'unhide', why, count: gone.size, gone: current.hides.first.map((one) => one.fingerprint).filter((one) => gone.has(one)) })
          if (outcome.kind === 'stepped') current = outcome.incident
        }
      }
      for (const [id, list] of hidden) {
        const incident = unit.draft.byId(id)
        if (incident === undefined) continue
        // Only what is a fault by itself counts for start and severity.
        const faults = list.filter(carriesSla)
        const startedAt = faults.length === 0 ? null : faults.reduce((least, one) => Math.min(least, one.startedAt), Number.POSITIVE_INFINITY)
        const severity = faults.length === 0 ? null : faults.map((one) => one.severity).reduce(worst)
        unit.step(incident, { type: 'hide', added: list.slice(0, LISTED).map(listed), count: list.length, startedAt, severity })
      }
      for (const map of [absorbed, unhidden, hidden]) map.clear()
    },
  }
  return book
}

function takeIn(unit: Unit, book: HidingBook, id: number, effects: readonly Incident[]): void {
  const cause = unit.draft.byId(id)
  if (cause === undefined) return
  for (const effect of effects) {
    const outcome = unit.step(effect, { type: 'absorbed', into: cause.id, number: cause.number })
    if (outcome.kind !== 'stepped') continue
    if (effect.hides.count > 0) for (const one of unit.draft.hiddenAlerts()) if (one.incidentId === effect.id) book.move(one, id)
    for (const alert of effect.alerts) if (alert.state !== 'resolved') book.hide(id, factsOf(alert), alert.state)
  }
  unit.step(cause, { type: 'absorb', incidents: effects.map(({ number, startedAt, severity, response }) => ({ number, startedAt, severity, response })) })
}

function listed({ fingerprint, name, labels, startedAt }: AlertFacts): HiddenFacts {
  return { fingerprint, name, instance: labels['instance'] ?? '', startedAt }
}

/** The alert without its standing in the incident it has left. */
function factsOf({ state: _state, joinedAt: _joinedAt, changedAt: _changedAt, ...facts }: Incident['alerts'][number]): AlertFacts {
  return facts
}

/**
 * What is live, in memory: incidents that are not over, which of them each alert belongs to, and which alerts they
 * hide. A draft is the board as a transaction has changed it so far; it becomes the board when that is on disk.
 */
import type { AlertFacts } from './event.ts'
import { isLive } from './incident.ts'
import type { Incident } from './incident.ts'

/** An alert that an incident explains. */
export interface HiddenAlert {
  readonly incidentId: number
  readonly number: string
  readonly state: 'firing' | 'no-data'
  readonly hiddenAt: number
  readonly facts: AlertFacts
}

/** What both the board and a draft can be asked. */
export interface BoardView {
  byId(id: number): Incident | undefined
  /** The live incident that an alert has joined. */
  byFingerprint(fingerprint: string): Incident | undefined
  byKey(key: string): Incident | undefined
  hidden(fingerprint: string): HiddenAlert | undefined
}

/** The board of what is on disk. */
export interface Board extends BoardView {
  incidents(): Iterable<Incident>
  hiddenAlerts(): Iterable<HiddenAlert>
  draft(): Draft
}

/** Changes that are not yet on disk. */
export interface Draft extends BoardView {
  put(incident: Incident): void
  setHidden(fingerprint: string, hidden: HiddenAlert | undefined): void
  /** Incidents that were put, each in its newest version. */
  changed(): Iterable<Incident>
  incidents(): Iterable<Incident>
  hiddenAlerts(): Iterable<HiddenAlert>
  /** Makes the changes the board's. */
  publish(): void
}

/** Opens the board with what is live on disk. */
export function createBoard(live: Iterable<Incident>, hiddenNow: Iterable<HiddenAlert>): Board {
  const incidents = new Map<number, Incident>()
  const fingerprints = new Map<string, number>()
  const keys = new Map<string, number>()
  const hidden = new Map<string, HiddenAlert>()
  const put = (incident: Incident): void => {
    for (const { fingerprint } of incidents.get(incident.id)?.alerts ?? []) if (fingerprints.get(fingerprint) === incident.id) fingerprints.delete(fingerprint)
    if (keys.get(incident.key) === incident.id) keys.delete(incident.key)
    if (!isLive(incident)) {
      incidents.delete(incident.id)
      return
    }
    incidents.set(incident.id, incident)
    for (const { fingerprint } of incident.alerts) fingerprints.set(fingerprint, incident.id)
    keys.set(incident.key, incident.id)
  }
  for (const incident of live) put(incident)
  for (const one of hiddenNow) hidden.set(one.facts.fingerprint, one)
  const byId = (id: number | undefined): Incident | undefined => (id === undefined ? undefined : incidents.get(id))

  function draft(): Draft {
    const changed = new Map<number, Incident>()
    /** Only what differs from the board; undefined: belongs to nobody any more. */
    const joined = new Map<string, number | undefined>()
    const keyed = new Map<string, number | undefined>()
    const covered = new Map<string, HiddenAlert | undefined>()
    const current = (id: number | undefined): Incident | undefined => {
      const incident = id === undefined ? undefined : (changed.get(id) ?? incidents.get(id))
      return incident !== undefined && isLive(incident) ? incident : undefined
    }
    const owner = (fingerprint: string): number | undefined => (joined.has(fingerprint) ? joined.get(fingerprint) : fingerprints.get(fingerprint))
    return {
      byId: (id) => changed.get(id) ?? incidents.get(id),
      byFingerprint: (fingerprint) => current(owner(fingerprint)),
      byKey: (key) => current(keyed.has(key) ? keyed.get(key) : keys.get(key)),
      hidden: (fingerprint) => (covered.has(fingerprint) ? covered.get(fingerprint) : hidden.get(fingerprint)),
      put(incident) {
        const before = changed.get(incident.id) ?? incidents.get(incident.id)
        const kept = new Set(isLive(incident) ? incident.alerts.map((one) => one.fingerprint) : [])
        for (const { fingerprint } of before?.alerts ?? []) if (!kept.has(fingerprint) && owner(fingerprint) === incident.id) joined.set(fingerprint, undefined)
        for (const fingerprint of kept) joined.set(fingerprint, incident.id)
        changed.set(incident.id, incident)
        if (isLive(incident)) keyed.set(incident.key, incident.id)
        else if ((keyed.get(incident.key) ?? keys.get(incident.key)) === incident.id) keyed.set(incident.key, undefined)
      },
      setHidden: (fingerprint, one) => void covered.set(fingerprint, one),
      changed: () => changed.values(),
      *incidents() {
        for (const id of new Set([...incidents.keys(), ...changed.keys()])) {
          const incident = current(id)
          if (incident !== undefined) yield incident
        }
      },
      *hiddenAlerts() {
        for (const fingerprint of new Set([...hidden.keys(), ...covered.keys()])) {
          const one = covered.has(fingerprint) ? covered.get(fingerprint) : hidden.get(fingerprint)
          if (one !== undefined) yield one
        }
      },
      publish() {
        // Those that let go of an alert first: another one may have taken it.
        for (const incident of [...changed.values()].toSorted((a, b) => Number(isLive(a)) - Number(isLive(b)))) put(incident)
        for (const [fingerprint, id] of joined) {
          if (id === undefined) fingerprints.delete(fingerprint)
          else if (incidents.has(id)) fingerprints.set(fingerprint, id)
        }
        for (const [fingerprint, one] of covered) {
          if (one === undefined) hidden.delete(fingerprint)
          else hidden.set(fingerprint, one)
        }
      },
    }
  }

  return {
    byId,
    byFingerprint: (fingerprint) => byId(fingerprints.get(fingerprint)),
    byKey: (key) => byId(keys.get(key)),
    hidden: (fingerprint) => hidden.get(fingerprint),
    incidents: () => incidents.values(),
    hiddenAlerts: () => hidden.values(),
    draft,
  }
}

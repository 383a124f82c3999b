/**
 * Which firing alerts are only the effect of another one. An alert is hidden by a firing cause when its object is
 * reached only through the cause's object, the cut explains its class of fault, and it did not start earlier than the
 * cut by more than the slack. Pure; asked alert by alert, so that a storm costs each alert once.
 */
import type { Labels } from '../../protocol/series.ts'
import { faultOf } from './key.ts'
import type { Hides, Topology, TopologyObject } from './topology.ts'

/** As much of an alert as correlation reads. */
export interface Symptom {
  readonly fingerprint: string
  readonly labels: Labels
  /** Earliest bad sample, epoch ms. */
  readonly startedAt: number
}

/** Why an object is cut off: the outermost firing cause, since when, and what that explains. */
interface Outage {
  readonly root: string
  readonly since: number
  readonly hides: Hides
}

/** The cuts of one moment. */
export interface Cuts {
  /** Fingerprint of the outermost cause that hides this alert; undefined: it stands for itself. */
  causeOf(alert: Symptom): string | undefined
}

/** Whether a cut that explains these classes explains that fault: `host-down` and `down` are of class `down`. */
export function explains(hides: Hides, fault: string): boolean {
  if (hides.includes('*')) return true
  return fault.split('-').some((part) => hides.includes(part))
}

/** The cuts that these firing causes make. Alerts that are no cause may be among them; they change nothing. */
export function cutsOf(alerts: Iterable<Symptom>, topology: Topology, now: number): Cuts {
  const down = new Map<string, Symptom>()
  for (const alert of alerts) {
    const id = topology.downIn(alert.labels)?.id
    const known = id === undefined ? undefined : down.get(id)
    // Several alerts may tell of one failure: the first to start is its cause, the others are its echo.
    if (id !== undefined && (known === undefined || earlier(alert, known))) down.set(id, alert)
  }
  const memo = new Map<string, readonly Outage[]>()

  /** Why nothing can be reached through this object: its own failure, then what cuts it off itself. */
  function outagesOf(id: string): readonly Outage[] {
    const known = memo.get(id)
    if (known !== undefined) return known
    const object = topology.objects.get(id)
    const outages = object === undefined ? [] : own(object, cutsBefore(object))
    memo.set(id, outages)
    return outages
  }

  function own(object: TopologyObject, before: readonly Outage[]): readonly Outage[] {
    const cause = down.get(object.id)
    if (cause === undefined) return before
    const outer = hider(before, cause, topology.slackMs, now)
    const since = Math.min(cause.startedAt, now, outer?.since ?? Number.POSITIVE_INFINITY)
    return sorted([{ root: outer?.root ?? cause.fingerprint, since, hides: object.hides }, ...before])
  }

  function cutsBefore(object: TopologyObject): readonly Outage[] {
    return sorted(object.behind.flatMap((alternatives) => {
      const each = alternatives.map(outagesOf)
      const [only] = each
      if (each.length === 1 && only !== undefined) return only
      const firsts = each.flatMap((outages) => outages[0] ?? [])
      return firsts.length < each.length ? [] : [joined(firsts)]
    }))
  }

  return {
    causeOf(alert) {
      if (down.size === 0) return undefined
      const object = topology.objectOf(alert.labels)
      if (object === undefined) return undefined
      const isCause = down.get(object.id)?.fingerprint === alert.fingerprint
      const root = hider(isCause ? cutsBefore(object) : outagesOf(object.id), alert, topology.slackMs, now)?.root
      return root === alert.fingerprint ? undefined : root
    },
  }
}

/**
 * For each alert the outermost cause that hides it; alerts that stand for themselves are left out. An alert that hides
 * others is never hidden by them: causes lie outside of what they hide.
 */
export function correlate(alerts: readonly Symptom[], topology: Topology, now: number): ReadonlyMap<string, string> {
  const cuts = cutsOf(alerts, topology, now)
  return new Map(alerts.flatMap((alert) => {
    const cause = cuts.causeOf(alert)
    return cause === undefined ? [] : [[alert.fingerprint, cause] as const]
  }))
}

function earlier(a: Symptom, b: Symptom): boolean {
  return a.startedAt < b.startedAt || (a.startedAt === b.startedAt && a.fingerprint < b.fingerprint)
}

const sorted = (outages: readonly Outage[]): readonly Outage[] => outages.toSorted((a, b) => a.since - b.since)

/** All ways are cut: since the last one went, by its cause, and only what every cut explains. */
function joined(outages: readonly Outage[]): Outage {
  const last = outages.reduce((a, b) => (b.since > a.since ? b : a))
  const [first, ...others] = outages.map((one) => one.hides).filter((hides) => !hides.includes('*'))
  return { ...last, hides: first === undefined ? ['*'] : first.filter((fault) => others.every((hides) => hides.includes(fault))) }
}

function hider(outages: readonly Outage[], alert: Symptom, slackMs: number, now: number): Outage | undefined {
  if (outages.length === 0) return undefined
  const fault = faultOf(alert.labels)
  const startedAt = Math.min(alert.startedAt, now)
  return outages.find((outage) => explains(outage.hides, fault) && startedAt >= outage.since - slackMs)
}

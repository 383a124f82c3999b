/** What is measured of the services' machines, for the books of service. */
import { METRIC_NAME } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import { machinesOf } from '../correlate/topology.ts'
import type { Topology } from '../correlate/topology.ts'
import type { WatchedMember, WatchedService } from '../service/watched.ts'
import { matcher } from '../store/matcher.ts'
import type { Store } from '../store/store.ts'

/** A machine without an agent of its own, of which nothing has come for this long, is not watched any more. */
export const QUIET_MS = 600_000
/** Series of a machine that are looked at for a sample: one that lives is enough. */
const TRIED = 8

export interface WatchedParts {
  readonly topology: Topology
  /** Every service that was promised. */
  readonly services: readonly string[]
  /** Agents of the fleet that were ever heard. */
  readonly heard: ReadonlySet<string>
  readonly store: Pick<Store, 'series' | 'select'>
  readonly startedAt: number
  readonly now: number
}

/** Each service with the machines it stands on; one that stands on none is asked for by the label `system`. */
export function watchedServices(parts: WatchedParts): readonly WatchedService[] {
  return parts.services.map((service) => {
    const known = parts.topology.services.find((one) => one.id === service)
    const machines = known === undefined ? [] : machinesOf(parts.topology, known)
    const members = machines.map(({ id, instances }): WatchedMember => ({ object: id, instances, state: stateOf(parts, 'instance', instances) }))
    return { service, members: members.length > 0 ? members : [{ object: '', instances: [], state: stateOf(parts, 'system', [service]) }] }
  })
}

function stateOf(parts: WatchedParts, label: 'instance' | 'system', values: readonly string[]): WatchedMember['state'] {
  const { heard, store, now, startedAt } = parts
  // An agent that falls silent is a matter of presence, which knows about plans.
  if (label === 'instance' && values.some((one) => heard.has(one))) return { kind: 'measured' }
  const reported = values.flatMap((one) => store.series([matcher(label, '=', one)])).filter(tells)
  if (reported.length === 0) return { kind: 'unmeasured', since: now }
  // After a start nothing can have come yet; that time is told as the collector's own.
  if (now - startedAt < QUIET_MS || reported.slice(0, TRIED).some((one) => lives(parts, one))) return { kind: 'measured' }
  return { kind: 'unmeasured', since: now - QUIET_MS }
}

/** Whether a series is somebody's report: not what the collector says itself, of its agents or by its rules. */
function tells(labels: Labels): boolean {
  const name = labels[METRIC_NAME] ?? ''
  return name !== 'up' && !name.startsWith('ALERTS') && !name.startsWith('zhishou_') && !name.includes(':')
}

function lives({ store, now }: WatchedParts, labels: Labels): boolean {
  return store.select(Object.entries(labels).map(([name, value]) => matcher(name, '=', value)), now - QUIET_MS, now).some((one) => one.times.some((_, index) => one.stale?.[index] !== 1))
}

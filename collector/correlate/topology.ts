/**
 * The site as a graph: services and their members, and which object is reached only through which others. Built once
 * from alerts/topology.yml (topology-file.ts) and never changed; cut.ts asks it what a failure explains.
 */
import { METRIC_NAME, gauge } from '../../protocol/series.ts'
import type { Labels, SeriesSpec } from '../../protocol/series.ts'

/** The services under watch; alerts name theirs by the label `system`. */
export const serviceIds = ['business', 'portal', 'exchange', 'security', 'asr', 'sms', 'video'] as const
export type ServiceId = (typeof serviceIds)[number]

/** What can stand in the graph. A window is a reception window with its screens and queue machines. */
export type ObjectKind = 'host' | 'device' | 'link' | 'district' | 'window'

/** One service. `members` are ids of objects; an object may serve several services. */
export interface Service {
  readonly id: ServiceId
  readonly title: string
  readonly criticality: 'high' | 'medium' | 'low'
  readonly members: readonly string[]
}

/** Labels an alert must have, each with one of the values. */
export type LabelMatch = Readonly<Record<string, readonly string[]>>

/** Fault classes that a cut explains; `*` every one. */
export type Hides = readonly string[]

/** One node of the graph. */
export interface TopologyObject {
  readonly kind: ObjectKind
  readonly id: string
  readonly title: string
  readonly district: string | undefined
  /** Values of the label `instance` that mean this object, its id among them. */
  readonly instances: readonly string[]
  /** What it is reached through: every entry must stand, and one of the alternatives of an entry is enough. */
  readonly behind: readonly (readonly string[])[]
  readonly hides: Hides
  /** Alerts that say this object is down: one of these must match. */
  readonly cause: readonly LabelMatch[]
}

/** The compiled topology. */
export interface Topology {
  /** How much earlier than its cause an alert may have started and still be explained by it. */
  readonly slackMs: number
  /** How long hidden alerts are given to end after their cause has ended, before they stand for themselves. */
  readonly releaseMs: number
  readonly services: readonly Service[]
  readonly objects: ReadonlyMap<string, TopologyObject>
  /** Services that stand on the machine with this value of the label `instance`, also by way of its district. */
  standingOn(instance: string): readonly ServiceId[]
  /** The object that an alert with these labels says is down; of several, the one whose match asks for most labels. */
  downIn(labels: Labels): TopologyObject | undefined
  /** The object that an alert is about: the one whose failure it tells, else the one its labels name. */
  objectOf(labels: Labels): TopologyObject | undefined
}

/** Compiles a graph that topology-file.ts has checked: ids are unique, references known, no rings. */
export function buildTopology(parts: Pick<Topology, 'slackMs' | 'releaseMs' | 'services'> & { readonly objects: readonly TopologyObject[] }): Topology {
  const objects = new Map(parts.objects.map((object) => [object.id, object]))
  const byInstance = new Map(parts.objects.flatMap((object) => object.instances.map((instance) => [instance, object] as const)))
  const downIn = causeIndex(parts.objects)
  const named = (kind: ObjectKind, id: string | undefined): TopologyObject | undefined => {
    const object = id === undefined ? undefined : objects.get(id)
    return object?.kind === kind ? object : undefined
  }
  const standing = new Map<string, ServiceId[]>()
  for (const service of parts.services) for (const { instances } of machinesOf({ objects }, service)) for (const instance of instances) standing.set(instance, [...(standing.get(instance) ?? []), service.id])
  return Object.freeze({
    ...parts,
    objects,
    standingOn: (instance: string) => standing.get(instance) ?? [],
    downIn,
    objectOf: (labels: Labels) =>
      downIn(labels)
      ?? named('link', labels['link'])
      ?? byInstance.get(labels['instance'] ?? '')
      ?? named('window', labels['window'])
      ?? named('district', labels['district']),
  })
}

/** No topology: nothing hides anything. */
export const emptyTopology: Topology = buildTopology({ slackMs: 300_000, releaseMs: 60_000, services: [], objects: [] })

/** Labels too common to look causes up by. */
const broadLabels = new Set(['fault', 'alertname', 'severity', 'job', 'system'])

/** Finds the cause by one telling label, so that ten thousand alerts are not held against every cause. */
function causeIndex(objects: readonly TopologyObject[]): (labels: Labels) => TopologyObject | undefined {
  const index = new Map<string, Map<string, { readonly object: TopologyObject; readonly match: LabelMatch; readonly labels: number }[]>>()
  for (const object of objects) {
    for (const match of object.cause) {
      const names = Object.keys(match)
      const key = names.find((name) => !broadLabels.has(name)) ?? names[0]
      if (key === undefined) continue
      const values = index.get(key) ?? new Map<string, { object: TopologyObject; match: LabelMatch; labels: number }[]>()
      index.set(key, values)
      for (const value of match[key] ?? []) values.set(value, [...(values.get(value) ?? []), { object, match, labels: names.length }])
    }
  }
  return (labels) => {
    let best: { readonly object: TopologyObject; readonly labels: number } | undefined
    for (const [name, values] of index) {
      const value = labels[name]
      if (value === undefined) continue
      for (const one of values.get(value) ?? []) if (one.labels > (best?.labels ?? 0) && matches(one.match, labels)) best = one
    }
    return best?.object
  }
}

function matches(match: LabelMatch, labels: Labels): boolean {
  for (const name in match) {
    const value = labels[name]
    if (value === undefined || match[name]?.includes(value) !== true) return false
  }
  return true
}

/** Series of the correlate room. */
export const topologySeries: readonly SeriesSpec[] = [
  gauge('zhishou_service_member', '1 for each host and device that a service stands on, as alerts/topology.yml says; a shared one has several.', 'service', 'instance'),
]

/** Hosts and devices that a service stands on, also by way of their district. */
export function machinesOf(topology: Pick<Topology, 'objects'>, service: Service): readonly TopologyObject[] {
  const members = new Set(service.members)
  return [...topology.objects.values()].filter(({ kind, id, district }) => (kind === 'host' || kind === 'device') && (members.has(id) || (district !== undefined && members.has(district))))
}

/** Services that stand on the machine with this value of the label `instance`. */
export function servicesOn(topology: Topology, instance: string): readonly ServiceId[] {
  return topology.standingOn(instance)
}

/** Samples of `topologySeries`. */
export function topologySamples(topology: Topology): readonly { readonly labels: Labels; readonly value: number }[] {
  return topology.services.flatMap((service) => machinesOf(topology, service).map(({ id }) => ({ labels: { [METRIC_NAME]: 'zhishou_service_member', service: service.id, instance: id }, value: 1 })))
}

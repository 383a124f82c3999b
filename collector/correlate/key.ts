import type { Labels } from '../../protocol/series.ts'
import type { TopologyObject } from './topology.ts'

/** What an alert is about, as far as incidents tell faults apart. */
export interface IncidentSubject {
  /** One of the services; all of them, as `business,portal`, for a machine of several; `host` for one of none, `network` for a link, a district or a window. */
  readonly service: string
  readonly instance: string
  /** The part of the instance, `mountpoint=/data`; '' where the fault is the whole instance's. */
  readonly part: string
  /** Fault class: rules for level and prediction of one fault share it. */
  readonly fault: string
  /** Equal for alerts of one incident, different otherwise. */
  readonly key: string
}

/**
 * Labels that name a part of an instance, the most telling first. Only the first one present counts: a filesystem's
 * alert may or may not carry `device` beside `mountpoint`, and both must land in one incident.
 */
const PART_LABELS = ['mountpoint', 'device', 'unit'] as const

/**
 * Which incident an alert with these labels belongs to: its service (`system` label, else those that stand on the
 * instance), its object (`instance` and part) and its fault class (`fault` label, else the alert's name). A missing label
 * counts as ''. `standing`: the services that stand on that instance by the topology. The key has only what the labels say:
 * a change of the topology tears no fault in two.
 *
 * `object` is what the topology says the alert is about. A link, a district or a window is one object whoever tells of
 * it, so the two ends of a link that went down are one fault.
 */
export function incidentSubject(labels: Labels, object?: Pick<TopologyObject, 'kind' | 'id'>, standing: readonly string[] = []): IncidentSubject {
  const place = object === undefined || object.kind === 'host' || object.kind === 'device' ? undefined : object.id
  const named = text(labels['system']) ?? (place === undefined ? 'host' : 'network')
  const service = named === 'host' && standing.length > 0 ? standing.join(',') : named
  const instance = place ?? labels['instance'] ?? ''
  const part = place === undefined ? partOf(labels) : ''
  const fault = faultOf(labels)
  return { service, instance, part, fault, key: JSON.stringify([named, instance, part, fault]) }
}

/** The services that an incident is of, one by one. */
export const servicesNamed = (service: string): readonly string[] => service.split(',')

/** The fault class of an alert: its label `fault`, else its name. */
export function faultOf(labels: Labels): string {
  return text(labels['fault']) ?? labels['alertname'] ?? ''
}

function partOf(labels: Labels): string {
  for (const name of PART_LABELS) {
    const value = text(labels[name])
    if (value !== undefined) return `${name}=${value}`
  }
  return ''
}

/** An empty label is a missing one, as in Prometheus. */
function text(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

/**
 * Alertmanager's webhook payload, version 4, field for field and in its order (notify/webhook/webhook.go and
 * template/template.go of 0.25), so that what was written for Alertmanager takes it from us.
 */

/** An alert as a payload is made of it. Times in epoch ms. */
export interface PayloadAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: number
  /** undefined: it is firing. */
  readonly endsAt: number | undefined
  readonly generatorUrl: string
  readonly fingerprint: string
}

/** One group of alerts that a receiver is told of. */
export interface PayloadGroup {
  readonly receiver: string
  readonly groupKey: string
  readonly groupLabels: Readonly<Record<string, string>>
  readonly alerts: readonly PayloadAlert[]
  readonly externalUrl: string
  /** Where some alerts were left out: of all of them. */
  readonly commonLabels?: Readonly<Record<string, string>> | undefined
  readonly commonAnnotations?: Readonly<Record<string, string>> | undefined
  readonly truncatedAlerts?: number | undefined
}

/** The payload. */
export interface WebhookPayload {
  readonly receiver: string
  readonly status: 'firing' | 'resolved'
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved'
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly startsAt: string
    readonly endsAt: string
    readonly generatorURL: string
    readonly fingerprint: string
  }[]
  readonly groupLabels: Readonly<Record<string, string>>
  readonly commonLabels: Readonly<Record<string, string>>
  readonly commonAnnotations: Readonly<Record<string, string>>
  readonly externalURL: string
  readonly version: '4'
  readonly groupKey: string
  readonly truncatedAlerts: number
}

/** Go's zero time: an alert that has no end. */
const NO_TIME = '0001-01-01T00:00:00Z'

/** The payload of a group. */
export function webhookPayload(group: PayloadGroup): WebhookPayload {
  return {
    receiver: group.receiver,
    status: group.alerts.some((alert) => alert.endsAt === undefined) ? 'firing' : 'resolved',
    alerts: group.alerts.map((alert) => ({
      status: alert.endsAt === undefined ? 'firing' : 'resolved',
      labels: sorted(alert.labels),
      annotations: sorted(alert.annotations),
      startsAt: goTime(alert.startsAt),
      endsAt: alert.endsAt === undefined ? NO_TIME : goTime(alert.endsAt),
      generatorURL: alert.generatorUrl,
      fingerprint: alert.fingerprint,
    })),
    groupLabels: sorted(group.groupLabels),
    commonLabels: sorted(group.commonLabels ?? inCommon(group.alerts.map((alert) => alert.labels))),
    commonAnnotations: sorted(group.commonAnnotations ?? inCommon(group.alerts.map((alert) => alert.annotations))),
    // Alertmanager takes the slash off its own.
    externalURL: group.externalUrl.replace(/\/+$/, ''),
    version: '4',
    groupKey: group.groupKey,
    truncatedAlerts: group.truncatedAlerts ?? 0,
  }
}

/** The payload with at most `max` alerts (0: all); how many were left out is said, everything else stays as it was. */
export function truncated(payload: WebhookPayload, max: number): WebhookPayload {
  if (max === 0 || payload.alerts.length <= max) return payload
  return { ...payload, alerts: payload.alerts.slice(0, max), truncatedAlerts: payload.truncatedAlerts + payload.alerts.length - max }
}

/** RFC 3339 as Go prints it: no trailing zeros in the fraction, no fraction where it is zero. */
function goTime(at: number): string {
  return new Date(at).toISOString().replace(/\.?0*Z$/, 'Z')
}

/** Names in order, as Go's JSON has them. */
function sorted(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** What all of them say alike. */
function inCommon(maps: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>> {
  const [first, ...rest] = maps
  if (first === undefined) return {}
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((other) => Object.hasOwn(other, name) && other[name] === value)))
}

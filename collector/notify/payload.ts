/**
 * What the outbox keeps of a message until it is put into words: the facts as they stood, not the sentence, so that a
 * message that waited for its channel says the time that is left when it goes.
 */
import { z } from 'zod'
import { incidentSchema } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { clockNames } from '../incidents/sla.ts'
import type { Notification } from './flush.ts'
import { ackWaysSchema, noticeSchema } from './notice.ts'
import { isResolved } from './routed-alert.ts'

const texts = z.record(z.string(), z.string())
const severity = z.enum(['critical', 'warning', 'info'])

/** A group of alerts that routing lets through. Times in epoch ms; `endsAt` null: firing. */
const alertsPayload = z
  .strictObject({
    kind: z.literal('alerts'),
    receiver: z.string(),
    groupKey: z.string(),
    groupLabels: texts,
    alerts: z.array(z.strictObject({ labels: texts, annotations: texts, startsAt: z.number(), endsAt: z.number().nullable(), generatorUrl: z.string(), fingerprint: z.string() })).min(1),
    /** Of all alerts, where some were left out; else they are found from those that are there. */
    commonLabels: texts.optional(),
    commonAnnotations: texts.optional(),
    truncatedAlerts: z.number().optional(),
    /** It told of alerts that fired, and all of them were over when its turn came. */
    expired: z.boolean().optional(),
    /** The incident they belong to, for its clocks. */
    incident: incidentSchema.nullable(),
  })
  .readonly()

/** The steps of an escalation; what they say is found when it is sent. `repeat` 0: the step itself. */
const escalationAbout = z.strictObject({ kind: z.literal('escalation'), steps: z.array(z.strictObject({ clock: z.enum(clockNames), used: z.number(), repeat: z.number() })).min(1).readonly() }).readonly()
/** The steps of an escalation. */
export type EscalationAbout = z.infer<typeof escalationAbout>
/** A report that is late, by the key of its reminder. */
const reportAbout = z.strictObject({ kind: z.literal('report'), key: z.string() }).readonly()

/** Anything else that is told: a gap in the roster, a late report, an escalation. `lines` never go at minimal detail. */
const plainPayload = z
  .strictObject({
    kind: z.literal('plain'),
    /** A word or two, told at every detail: 值班空缺. */
    what: z.string().min(1).max(20),
    severity,
    /** Service id, '' where it is about none. */
    service: z.string(),
    number: z.string(),
    title: z.string(),
    lines: z.array(z.string()),
    /** Of the incident it is about, for its clocks. */
    incident: incidentSchema.nullable(),
    ack: ackWaysSchema.nullable().default(null),
    /** What it depends on when its turn comes; null: nothing, it always goes. */
    about: z.union([escalationAbout, reportAbout]).nullable().default(null),
  })
  .readonly()

const testPayload = z.strictObject({ kind: z.literal('test'), channel: z.string() }).readonly()

/** Every kind of message there is. */
export const messagePayload = z.union([noticeSchema, alertsPayload, plainPayload, testPayload])
/** Every kind of message there is. */
export type MessagePayload = z.infer<typeof messagePayload>
/** A group of alerts that routing lets through. */
export type AlertsPayload = z.infer<typeof alertsPayload>
/** Anything else that is told. */
export type PlainPayload = z.infer<typeof plainPayload>

/** What routing decided to tell, as a payload. An end that is not reached is not told (alertmanager `types.Alerts`). */
export function alertsPayloadOf(notification: Notification, incident: Incident | null): AlertsPayload {
  const { receiver, groupKey, groupLabels, commonLabels, commonAnnotations, truncatedAlerts, at } = notification
  return {
    kind: 'alerts', receiver, groupKey, groupLabels, commonLabels, commonAnnotations, truncatedAlerts, incident,
    alerts: notification.alerts.map((alert) => ({
      labels: alert.labels, annotations: alert.annotations, startsAt: alert.startsAt, endsAt: isResolved(alert, at) ? (alert.endsAt ?? null) : null, generatorUrl: alert.generatorUrl, fingerprint: alert.fingerprint,
    })),
  }
}

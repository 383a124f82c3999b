/** Alerts that others report to us (POST /api/v2/alerts), as alertmanager 0.25 `api/v2/api.go` takes them. Pure. */
import { isLabelName } from '../rules/rule.ts'
import type { Labels } from '../../protocol/series.ts'
import { byCodePoint, fingerprintOf } from './label-set.ts'
import type { AlertReport } from './routed-alert.ts'

/** Times in epoch ms; undefined where the sender gave none. */
export interface PostedAlert {
  readonly labels: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: number | undefined
  readonly endsAt: number | undefined
  readonly generatorUrl: string
}

/** A report of it: empty labels dropped, missing times filled in; without an end it ends after resolve_timeout. */
export function reportOfPost(posted: PostedAlert, now: number, resolveTimeoutMs: number): AlertReport {
  const labels = Object.fromEntries(Object.entries(posted.labels).filter(([, value]) => value !== '').sort(([a], [b]) => byCodePoint(a, b)))
  return {
    fingerprint: fingerprintOf(labels),
    labels,
    annotations: posted.annotations,
    startsAt: posted.startsAt ?? posted.endsAt ?? now,
    endsAt: posted.endsAt ?? now + resolveTimeoutMs,
    updatedAt: now,
    timeout: posted.endsAt === undefined,
    generatorUrl: posted.generatorUrl,
    origin: 'api',
  }
}

/** Why a report is refused; undefined: it is not. */
export function alertFault(report: AlertReport): string | undefined {
  const names = Object.keys(report.labels)
  if (names.length === 0) return 'at least one label pair required'
  if (report.endsAt !== undefined && report.endsAt < report.startsAt) return 'start time must be before end time'
  const bad = [...names, ...Object.keys(report.annotations)].find((name) => !isLabelName(name))
  if (bad !== undefined) return `invalid label name ${JSON.stringify(bad)}`
  const illFormed = [...Object.entries(report.labels), ...Object.entries(report.annotations)].find(([, value]) => !value.isWellFormed())
  return illFormed === undefined ? undefined : `label ${illFormed[0]} holds text that is not valid UTF-8`
}

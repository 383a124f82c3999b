/**
 * The catalogue of sentences (alerts/templates/*.yml): parsed once, strictly. A sentence may use only the fields that
 * the code gives it, so a typing error in the file shows when it is loaded, not in the middle of the night.
 */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, settingsMistakes } from '../../protocol/settings.ts'
import { causeCategories, workKinds } from './event.ts'

/** A sentence with `{field}` places. */
const sentence = (...fields: readonly string[]) =>
  z
    .string()
    .min(1)
    .superRefine((text, context) => {
      for (const [place, field] of text.matchAll(/\{([^{}]*)\}/g)) {
        if (field === undefined || !fields.includes(field)) context.addIssue({ code: 'custom', message: `expected only the fields ${fields.map((one) => `{${one}}`).join(' ') || '(none)'}, found ${place}` })
      }
    })

const word = z.string().min(1).max(40)
const subjectFields = ['severity', 'object', 'title', 'number'] as const

const wordingSchema = z.strictObject({
  severity: z.strictObject({ critical: word, warning: word, info: word }),
  clock: z.strictObject({ respond: word, dispose: word, recover: word }),
  service: z.record(z.string(), word),
  part: z.record(z.string(), word),
  source: z.record(z.string(), word),
  duration: z.strictObject({ days: sentence('days', 'hours'), hours: sentence('hours', 'minutes'), minutes: sentence('minutes'), under: sentence() }),
  timeline: z.strictObject({
    opened: sentence('summary', 'alert', 'startedAt'),
    'alert-joined': sentence('summary', 'alert', 'startedAt'),
    'alert-updated': sentence('summary', 'alert', 'startedAt'),
    reopened: sentence('summary', 'alert', 'startedAt', 'window'),
    'alert-resolved': sentence('alert'),
    'data-lost': sentence('alert'),
    recovered: sentence('alert', 'recoveredAt'),
    'alerts-hidden': sentence('count', 'first'),
    'alerts-ended': sentence('count'),
    'alerts-released': sentence('count'),
    'alerts-moved': sentence('count'),
    'absorbed-others': sentence('count', 'numbers'),
    absorbed: sentence('number'),
    'merged-other': sentence('by', 'number', 'reason'),
    merged: sentence('by', 'number', 'reason'),
    'split-off': sentence('by', 'count', 'number', 'reason'),
    'split-opened': sentence('by', 'number', 'reason'),
    released: sentence('summary', 'alert', 'startedAt', 'number'),
    reported: sentence('reporter', 'channel', 'reportedAt', 'title', 'by'),
    assigned: sentence('by', 'to'),
    unassigned: sentence('by'),
    attached: sentence('by', 'name'),
    'root-cause': sentence('by', 'category', 'text'),
    worked: sentence('by', 'kind', 'minutes', 'text'),
    severity: sentence('by', 'severity', 'reason'),
    'judged-recovered': sentence('by', 'confirmedBy', 'recoveredAt', 'text'),
    'reopened-by-hand': sentence('by', 'text'),
    acknowledged: sentence('by', 'source'),
    'acknowledged-phone': sentence('calledBy', 'namedBy'),
    'acknowledged-phone-at': sentence('calledBy', 'namedBy', 'at'),
    disposed: sentence('by', 'text', 'condition'),
    commented: sentence('by', 'text'),
    closed: sentence('by', 'text'),
    settled: sentence('window'),
  }),
  condition: z.strictObject({ bad: word, good: word, 'no-data': word, reported: word }),
  reportChannel: z.strictObject({ hotline: word, fax: word, visit: word, message: word, other: word }),
  causeCategory: z.record(z.enum(causeCategories), word),
  workKind: z.record(z.enum(workKinds), word),
  refusal: z.strictObject({
    'acknowledged-already': sentence('by', 'at'),
    merged: sentence('number'),
    'exists-already': sentence('number'),
    'text-missing': sentence(),
    'confirmation-missing': sentence(),
    'time-wrong': sentence(),
    'recovery-missing': sentence(),
    'telemetry-rules': sentence(),
    'below-telemetry': sentence(),
    'not-running': sentence(),
    running: sentence(),
    'wrong-choice': sentence(),
    'too-many': sentence(),
    'file-empty': sentence(),
    'file-too-large': sentence(),
    'file-name': sentence(),
    'file-type': sentence(),
    'file-differs': sentence(),
    'still-bad': sentence(),
    closed: sentence(),
    'reopen-window-over': sentence(),
    'unknown-incident': sentence(),
  }),
  mail: z.strictObject({
    subject: z.strictObject({ opened: sentence(...subjectFields), recovered: sentence(...subjectFields), reopened: sentence(...subjectFields), reminded: sentence(...subjectFields) }),
    lead: z.strictObject({ opened: sentence(), recovered: sentence(), reopened: sentence(), reminded: sentence() }),
    line: z.strictObject({
      title: sentence('title'),
      severity: sentence('severity'),
      object: sentence('object'),
      service: sentence('service'),
      startedAt: sentence('startedAt'),
      recoveredAt: sentence('recoveredAt'),
      value: sentence('value'),
      description: sentence('description'),
      action: sentence('action'),
      clocks: sentence('profile'),
      running: sentence('clock', 'left', 'dueAt'),
      stopped: sentence('clock'),
      breached: sentence('clock', 'over', 'dueAt'),
      number: sentence('number'),
      link: sentence('link'),
      ackLink: sentence('link'),
      ackCode: sentence('code'),
    }),
    foot: sentence(),
  }),
  message: z.strictObject({
    what: z.strictObject({ opened: word, recovered: word, reopened: word, reminded: word, alerts: word, over: word, digest: word, test: word, escalation: word, duty: word, 'zero-report': word }),
    otherService: word,
    left: z.strictObject({ running: sentence('clock', 'left'), breached: sentence('clock', 'over') }),
    minimal: z.strictObject({
      subject: sentence('severity', 'what', 'service', 'number'),
      brief: sentence('severity', 'what', 'service', 'number', 'left'),
      service: sentence('service'),
      severity: sentence('severity'),
      number: sentence('number'),
      left: sentence('left'),
      more: sentence(),
    }),
    full: z.strictObject({ brief: sentence('severity', 'what', 'object', 'title', 'number', 'left') }),
    alerts: z.strictObject({ subject: sentence('severity', 'what', 'count', 'title'), lead: sentence('count'), line: sentence('what', 'severity', 'title', 'startedAt'), more: sentence('count') }),
    digest: z.strictObject({ subject: sentence('count', 'severity'), brief: sentence('count', 'severity', 'service', 'number', 'left'), lead: sentence('count'), more: sentence('count') }),
    test: z.strictObject({ subject: sentence('channel'), text: sentence('channel', 'at') }),
    problem: z.strictObject({
      'all-channels-down': sentence(),
      'budget-ahead': sentence('channel', 'used', 'elapsed'),
      'budget-used-up': sentence('channel'),
      'balance-low': sentence('channel', 'left'),
    }),
  }),
})

/** All sentences about faults. */
export type Wording = z.infer<typeof wordingSchema>

/** Parses a catalogue. Throws SettingsError with every mistake. */
export function parseWording(text: string, file: string): Wording {
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  const input: unknown = document.toJS() ?? {}
  const result = wordingSchema.safeParse(input)
  if (!result.success) throw new SettingsError(settingsMistakes(file, result.error.issues, input, () => []))
  return result.data
}

/** Fills the places of a sentence. Values are put in as they are, once: a `{place}` inside a value stays text. */
export function fill(template: string, fields: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{([^{}]*)\}/g, (place, field: string) => fields[field] ?? place)
}

const MINUTE_MS = 60_000

/** `1 小时 20 分钟`: whole minutes, rounded down, so that nobody is promised time that is not left. */
export function durationText(wording: Wording, ms: number): string {
  const total = Math.floor(Math.abs(ms) / MINUTE_MS)
  const minutes = total % 60
  const hours = Math.floor(total / 60) % 24
  const days = Math.floor(total / 1_440)
  if (days > 0) return fill(wording.duration.days, { days: String(days), hours: String(hours) })
  if (hours > 0) return fill(wording.duration.hours, { hours: String(hours), minutes: String(minutes) })
  return minutes > 0 ? fill(wording.duration.minutes, { minutes: String(minutes) }) : wording.duration.under
}

/** `web-01 挂载点 /data`: what an incident is about, for people. */
export function objectText(wording: Wording, instance: string, part: string): string {
  if (part === '') return instance
  const at = part.indexOf('=')
  const name = part.slice(0, at)
  return `${instance} ${wording.part[name] ?? name} ${part.slice(at + 1)}`.trim()
}

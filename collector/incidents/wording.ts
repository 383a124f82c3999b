/** The catalogue of sentences about faults and messages (alerts/templates/zh-CN.yml), parsed once and strictly; see sentence.ts. */
import { z } from 'zod'
import { servicesNamed } from '../correlate/key.ts'
import { durationWords, parseCatalogue, sentence, spanWords, word } from '../sentence.ts'
import { causeCategories, workKinds } from './event.ts'

const subjectFields = ['severity', 'object', 'title', 'number'] as const

const wordingSchema = z.strictObject({
  severity: z.strictObject({ critical: word, warning: word, info: word }),
  clock: z.strictObject({ respond: word, dispose: word, recover: word }),
  service: z.record(z.string(), word),
  part: z.record(z.string(), word),
  source: z.record(z.string(), word),
  duration: durationWords,
  span: spanWords,
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
    'recovery-claimed': sentence('by', 'asked', 'recoveredAt', 'text'),
    'recovery-refused': sentence('by', 'text'),
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
    'claim-waits': sentence(),
    'claim-missing': sentence(),
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
    'pending-again': sentence(),
    closed: sentence(),
    'reopen-window-over': sentence(),
    'unknown-incident': sentence(),
    'unknown-person': sentence('name'),
    'unknown-person-near': sentence('name', 'near'),
    'unknown-actor': sentence(),
    'caller-is-writer': sentence(),
  }),
  mail: z.strictObject({
    subject: z.strictObject({ opened: sentence(...subjectFields), recovered: sentence(...subjectFields), judged: sentence(...subjectFields), closed: sentence(...subjectFields), reopened: sentence(...subjectFields), reminded: sentence(...subjectFields) }),
    lead: z.strictObject({ opened: sentence(), recovered: sentence(), judged: sentence(), closed: sentence(), reopened: sentence(), reminded: sentence() }),
    line: z.strictObject({
      title: sentence('title'),
      severity: sentence('severity'),
      object: sentence('object'),
      service: sentence('service'),
      startedAt: sentence('startedAt'),
      recoveredAt: sentence('recoveredAt'),
      judged: sentence('by', 'confirmedBy', 'text'),
      closed: sentence('by', 'at', 'text'),
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
  superseded: z.strictObject({ merged: sentence(), closed: sentence(), recovered: sentence(), reopened: sentence(), stopped: sentence(), filed: sentence() }),
  message: z.strictObject({
    what: z.strictObject({ opened: word, recovered: word, judged: word, closed: word, reopened: word, reminded: word, alerts: word, over: word, digest: word, test: word, escalation: word, duty: word, 'zero-report': word }),
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
    digest: z.strictObject({ subject: sentence('count', 'severity'), brief: sentence('count', 'severity', 'service', 'number', 'left'), lead: sentence('count'), more: sentence('count'), answer: sentence('number', 'code'), standing: z.strictObject({ answered: word, ended: word, merged: word }) }),
    test: z.strictObject({ subject: sentence('channel'), text: sentence('channel', 'at') }),
    problem: z.strictObject({
      'all-channels-down': sentence(),
      'budget-ahead': sentence('channel', 'used', 'elapsed'),
      'budget-used-up': sentence('channel'),
      'balance-low': sentence('channel', 'left'),
      'replies-unclear': sentence('count'),
    }),
    misunderstood: sentence(),
  }),
})

/** All sentences about faults. */
export type Wording = z.infer<typeof wordingSchema>

/** Parses a catalogue. Throws SettingsError with every mistake. */
export function parseWording(text: string, file: string): Wording {
  return parseCatalogue(wordingSchema, text, file)
}

/** `业务、门户`: the services of an incident, for people. */
export const serviceText = (wording: Pick<Wording, 'service'>, service: string): string => servicesNamed(service).map((one) => wording.service[one] ?? one).join('、')

/** `web-01 挂载点 /data`: what an incident is about, for people. */
export function objectText(wording: Wording, instance: string, part: string): string {
  if (part === '') return instance
  const at = part.indexOf('=')
  const name = part.slice(0, at)
  return `${instance} ${wording.part[name] ?? name} ${part.slice(at + 1)}`.trim()
}

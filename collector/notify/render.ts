/**
 * Messages in words: by mail, SMS, robots and webhooks, at the detail the channel may have. Every sentence is the
 * catalogue's. At minimal detail nothing is taken from an alert but its severity, and its service by alias.
 */
import type { ClockView } from '../../protocol/api.ts'
import { servicesNamed } from '../correlate/key.ts'
import type { Severity } from '../../protocol/events.ts'
import { officeTime } from '../clock.ts'
import { clockStops, isRunning, moreUrgent } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { tellsEnd } from './notice.ts'
import type { AckWays, Notice } from './notice.ts'
import { clockViews } from '../incidents/sla.ts'
import { durationText, fill } from '../sentence.ts'
import { objectText } from '../incidents/wording.ts'
import type { Wording } from '../incidents/wording.ts'
import type { Json } from '../state/audit.ts'
import type { Detail, MessageFields, Rendered, Urgency } from './channel.ts'
import { renderDigest } from './digest-words.ts'
import { clockTexts, escapeHtml, incidentLink, renderNotice, shorten, sinceTexts } from './mail-words.ts'
import { plainMarkdown, tidy } from './plain-text.ts'
import { messagePayload } from './payload.ts'
import type { AlertsPayload, MessagePayload, PlainPayload } from './payload.ts'
import { webhookPayload } from './webhook-payload.ts'
import type { PayloadAlert, PayloadGroup, WebhookPayload } from './webhook-payload.ts'

/** Room that an SMS of one segment has for clocks, beside the longest service and an answer's code. */
const BRIEF_LEFT_CHARS = 18
/** Most alerts or messages that one message lists; the rest is counted. */
const MOST_LINES = 20

/** What words are made with. */
export interface RenderSettings {
  readonly wording: Wording
  readonly consoleUrl: string | undefined
  /** What services are called outside, by id. */
  readonly serviceAliases: Readonly<Record<string, string>>
}

/** What the outbox calls. */
export interface Renderer {
  /** Words of a stored payload; throws where it is not one. */
  render(payload: Json, now: number, detail: Detail): Rendered
  /** One message for several; at least one. */
  renderDigest(messages: readonly Rendered[], detail: Detail): Rendered
}

/** The product's renderer. */
export function createRenderer(settings: RenderSettings): Renderer {
  return {
    render: (payload, now, detail) => renderPayload(messagePayload.parse(payload), settings, now, detail),
    renderDigest: (messages, detail) => renderDigest(messages, settings.wording, detail),
  }
}

/** A payload in words as of `now`. */
export function renderPayload(payload: MessagePayload, settings: RenderSettings, now: number, detail: Detail): Rendered {
  const facts = factsOf(payload, settings, now)
  if (payload.kind === 'test') return renderTest(payload.channel, facts, settings, now)
  const words = detail === 'minimal' ? minimal(facts, settings) : full(payload, facts, settings, now)
  const made = { ...words, entry: { ...words.entry, urgency: urgencyOf(payload, now) } }
  return payload.kind === 'alerts' || payload.ack === null ? made : withAck(made, payload.ack, settings.wording)
}

/** How to acknowledge, before everything else: a link where there is room for one, a word to answer at the end of what is short. */
function withAck(made: Rendered, { link, code }: AckWays, { mail: { line } }: Wording): Rendered {
  const answer = code === null ? [] : [fill(line.ackCode, { code })]
  const texts = [...(link === null ? [] : [fill(line.ackLink, { link })]), ...answer]
  if (texts.length === 0) return made
  const anchors = texts.map((text) => (link !== null && text.includes(link) ? `<a href="${escapeHtml(link)}">${escapeHtml(text)}</a>` : escapeHtml(text)))
  return { ...made, text: `${texts.join('\n')}\n\n${made.text}`, html: made.html.replace(/(<body[^>]*>)/, (body) => `${body}\n<p>${anchors.join('<br>')}</p>`), answer: answer.join(' '), entry: { ...made.entry, ack: { link, code } } }
}

/** How much it presses among others. */
function urgencyOf(payload: Exclude<MessagePayload, { readonly kind: 'test' }>, now: number): Urgency {
  if (payload.kind === 'alerts' && payload.expired === true) return { kind: 'expired' }
  const { incident } = payload
  if (incident === null) return { kind: 'other' }
  if (payload.kind === 'incident' && tellsEnd(payload.what)) return { kind: 'over', how: 'told' }
  if (!isRunning(incident)) return { kind: 'over', how: incident.state === 'merged' ? 'merged' : 'ended' }
  const respond = runningClocks(incident, now).find(({ clock }) => clock === 'respond')
  return respond === undefined ? { kind: 'answered' } : { kind: 'unanswered', leftMs: respond.leftMs }
}

/** What every message has, and all that a minimal one may say. */
interface Facts {
  readonly severity: Severity
  readonly fields: MessageFields
  readonly resolved: boolean
  readonly at: number
  /** For its clocks. */
  readonly incident: Incident | null
}

function factsOf(payload: MessagePayload, settings: RenderSettings, now: number): Facts {
  const { wording } = settings
  const made = (what: string, severity: Severity, service: string, number: string, incident: Incident | null, resolved: boolean): Facts => ({
    severity,
    resolved,
    at: now,
    incident,
    fields: { what, severity: wording.severity[severity], service: service === '' ? '' : aliasOf(service, settings), number, left: incident === null ? '' : leftText(incident, wording, now), count: '1' },
  })
  switch (payload.kind) {
    case 'incident': {
      const { incident, what } = payload
      return made(wording.message.what[what], incident.severity, incident.service, incident.number, incident, tellsEnd(what))
    }
    case 'alerts': {
      const firing = payload.alerts.some((alert) => alert.endsAt === null)
      const service = payload.incident?.service ?? sharedService(payload)
      return made(firing ? wording.message.what.alerts : wording.message.what.over, worstOf(payload.alerts.map((alert) => severityOf(alert.labels['severity']))), service, payload.incident?.number ?? '', payload.incident, !firing)
    }
    case 'plain':
      return made(payload.what, payload.severity, payload.service, payload.number, payload.incident, false)
    case 'test':
      return made(wording.message.what.test, 'info', '', '', null, false)
  }
}

/** A service's name outside: never the id itself, which a label may have made up. */
export function aliasOf(service: string, { wording, serviceAliases }: Pick<RenderSettings, 'wording' | 'serviceAliases'>): string {
  const several = servicesNamed(service)
  if (several.length > 1) return [...new Set(several.map((one) => aliasOf(one, { wording, serviceAliases })))].join('、')
  if (Object.hasOwn(serviceAliases, service)) return serviceAliases[service] ?? ''
  return Object.hasOwn(wording.service, service) ? (wording.service[service] ?? '') : wording.message.otherService
}

function sharedService(payload: AlertsPayload): string {
  const services = new Set(payload.alerts.map((alert) => alert.labels['service'] ?? ''))
  const [only] = services
  return services.size === 1 && only !== undefined ? only : ''
}

function severityOf(label: string | undefined): Severity {
  return label === 'critical' || label === 'info' ? label : 'warning'
}

function worstOf(severities: readonly Severity[]): Severity {
  return severities.reduce<Severity>((worst, one) => (moreUrgent(one, worst) ? one : worst), 'info')
}

/** The nearest clock that still runs; where one is late, all that run, the late ones first. '' when all have stopped. */
const leftText = (incident: Incident, wording: Wording, now: number): string => leftPieces(incident, wording, now).join('；')

function leftPieces(incident: Incident, wording: Wording, now: number): readonly string[] {
  const running = runningClocks(incident, now).toSorted((a, b) => Number(b.breached) - Number(a.breached))
  return (running[0]?.breached === true ? running : running.slice(0, 1)).map((clock) => shortClock(clock, wording))
}

/** The same for an SMS: where several clocks are told, as many as its room holds, the late ones first. */
function briefLeft(incident: Incident, wording: Wording, now: number): string {
  const [first = '', ...others] = leftPieces(incident, wording, now)
  if (others.length === 0) return first
  const tight = (text: string): string => text.replaceAll(' ', '')
  let said = tight(first)
  for (const piece of others) {
    const longer = `${said}；${tight(piece)}`
    if (longer.length > BRIEF_LEFT_CHARS) break
    said = longer
  }
  return said
}

const runningClocks = (incident: Incident, now: number): readonly ClockView[] =>
  clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now).filter((clock) => clock.state === 'running')

function shortClock({ clock: name, leftMs, breached }: ClockView, wording: Wording): string {
  const text = durationText(wording.duration, leftMs)
  const clock = wording.clock[name]
  return breached ? fill(wording.message.left.breached, { clock, over: text }) : fill(wording.message.left.running, { clock, left: text })
}

function minimal({ severity, fields: told, resolved, at, incident }: Facts, { wording }: RenderSettings): Rendered {
  const fields = incident === null ? told : { ...told, left: briefLeft(incident, wording, at) }
  const words = wording.message.minimal
  const lines = [
    ...(fields.service === '' ? [] : [fill(words.service, { service: fields.service })]),
    fill(words.severity, { severity: fields.severity }),
    ...(fields.number === '' ? [] : [fill(words.number, { number: fields.number })]),
    ...(told.left === '' ? [] : [fill(words.left, { left: told.left })]),
    words.more,
  ]
  const subject = tidy(fill(words.subject, { ...fields }))
  const labels: Record<string, string> = { severity, ...(fields.service === '' ? {} : { service: fields.service }), ...(fields.number === '' ? {} : { incident: fields.number }) }
  const alert: PayloadAlert = { labels, annotations: { summary: subject }, startsAt: at, endsAt: resolved ? at : undefined, generatorUrl: '', fingerprint: '' }
  const made = wordsOf(severity, fields, subject, lines, tidy(fill(words.brief, { ...fields })), undefined, webhookPayload({ receiver: '', groupKey: fields.number, groupLabels: {}, alerts: [alert], externalUrl: '' }))
  return withDetails(made, incident === null ? [] : runningClocks(incident, at).map((clock) => shortClock(clock, wording)))
}

/** With these lines where it is one of several. */
const withDetails = (made: Rendered, details: readonly string[]): Rendered => ({ ...made, entry: { ...made.entry, details } })

const incidentDetails = (incident: Incident, wording: Wording, now: number): readonly string[] => [...sinceTexts(incident, wording), ...clockTexts(incident, wording, now)]

function full(payload: Exclude<MessagePayload, { readonly kind: 'test' }>, facts: Facts, settings: RenderSettings, now: number): Rendered {
  switch (payload.kind) {
    case 'incident':
      return fullNotice(payload, facts, settings, now)
    case 'alerts':
      return fullAlerts(payload, facts, settings)
    case 'plain':
      return fullPlain(payload, facts, settings)
  }
}

function fullNotice(notice: Notice, { severity, fields }: Facts, settings: RenderSettings, now: number): Rendered {
  const { wording, consoleUrl } = settings
  const { incident } = notice
  const mail = renderNotice(notice, wording, consoleUrl, now)
  const object = objectText(wording, incident.instance, incident.part)
  const link = incidentLink(consoleUrl, incident.number)
  const lines = mail.text.trim().split('\n').filter((line) => line !== '' && line !== wording.mail.foot && (link === undefined || !line.includes(link)))
  const brief = tidy(fill(wording.message.full.brief, { ...fields, object, title: incident.title }))
  const made = wordsOf(severity, fields, mail.subject, lines, brief, link, webhookPayload(groupOfIncident(notice, consoleUrl)))
  return { ...withDetails(made, incidentDetails(incident, wording, now)), text: mail.text, html: mail.html }
}

function groupOfIncident({ incident, what }: Notice, consoleUrl: string | undefined): PayloadGroup {
  return {
    receiver: '', groupKey: `incident/${incident.id}`, groupLabels: { incident: incident.number }, externalUrl: consoleUrl ?? '',
    alerts: incident.alerts.map((alert) => ({
      labels: { ...alert.labels, severity: alert.severity, service: incident.service, incident: incident.number },
      annotations: { summary: alert.summary, description: alert.description, action: alert.action },
      startsAt: alert.startedAt, endsAt: tellsEnd(what) ? (incident.recoveredAt ?? incident.closedAt ?? undefined) : alert.state === 'resolved' ? alert.changedAt : undefined,
      generatorUrl: '', fingerprint: alert.fingerprint,
    })),
  }
}

function fullAlerts(payload: AlertsPayload, { severity, fields, at }: Facts, settings: RenderSettings): Rendered {
  const { wording, consoleUrl } = settings
  const { alerts, what } = wording.message
  const title = (alert: AlertsPayload['alerts'][number]): string => alert.annotations['summary'] ?? alert.labels['alertname'] ?? ''
  const line = (alert: AlertsPayload['alerts'][number]): string =>
    fill(alerts.line, { what: alert.endsAt === null ? what.alerts : what.over, severity: wording.severity[severityOf(alert.labels['severity'])], title: title(alert), startedAt: officeTime(alert.startsAt) })
  const total = payload.alerts.length + (payload.truncatedAlerts ?? 0)
  const count = String(total)
  const [first] = payload.alerts
  const heading = first === undefined ? '' : title(first)
  const rest = total - Math.min(MOST_LINES, payload.alerts.length)
  const lines = [fill(alerts.lead, { count }), ...payload.alerts.slice(0, MOST_LINES).map(line), ...(rest > 0 ? [fill(alerts.more, { count: String(rest) })] : []), ...(fields.left === '' ? [] : [fill(wording.message.minimal.left, { left: fields.left })])]
  const subject = fill(alerts.subject, { severity: fields.severity, what: fields.what, count, title: shorten(heading) })
  const group: PayloadGroup = { ...payload, externalUrl: consoleUrl ?? '', alerts: payload.alerts.map((alert) => ({ ...alert, endsAt: alert.endsAt ?? undefined })) }
  const brief = tidy(fill(wording.message.full.brief, { ...fields, object: '', title: heading }))
  const made = wordsOf(severity, { ...fields, count }, subject, lines, brief, payload.incident === null ? consoleUrl : incidentLink(consoleUrl, payload.incident.number), webhookPayload(group))
  const since = { startedAt: Math.min(...payload.alerts.map((alert) => alert.startsAt)), recoveredAt: null }
  return withDetails(made, payload.incident === null ? sinceTexts(since, wording) : incidentDetails(payload.incident, wording, at))
}

function fullPlain(payload: PlainPayload, { severity, fields, at }: Facts, { wording, consoleUrl }: RenderSettings): Rendered {
  const brief = tidy(fill(wording.message.full.brief, { ...fields, object: '', title: payload.title }))
  const alert: PayloadAlert = { labels: { alertname: payload.what, severity, ...(payload.service === '' ? {} : { service: payload.service }), ...(payload.number === '' ? {} : { incident: payload.number }) }, annotations: { summary: payload.title, description: payload.lines.join('\n') }, startsAt: at, endsAt: undefined, generatorUrl: '', fingerprint: '' }
  const lines = [payload.title, ...payload.lines, ...(fields.left === '' ? [] : [fill(wording.message.minimal.left, { left: fields.left })])]
  const made = wordsOf(severity, fields, `【${fields.severity}】${payload.what}：${shorten(payload.title)}`, lines, brief, payload.number === '' ? consoleUrl : incidentLink(consoleUrl, payload.number), webhookPayload({ receiver: '', groupKey: payload.what, groupLabels: {}, alerts: [alert], externalUrl: consoleUrl ?? '' }))
  return withDetails(made, [...payload.lines, ...(payload.incident === null ? [] : incidentDetails(payload.incident, wording, at))])
}

function renderTest(channel: string, { severity, fields, at }: Facts, { wording }: RenderSettings, now: number): Rendered {
  const subject = fill(wording.message.test.subject, { channel })
  const text = fill(wording.message.test.text, { channel, at: officeTime(now) })
  const alert: PayloadAlert = { labels: { alertname: 'ZhishouTest', severity }, annotations: { summary: text }, startsAt: at, endsAt: undefined, generatorUrl: '', fingerprint: '' }
  return wordsOf(severity, fields, subject, [text], subject, undefined, webhookPayload({ receiver: '', groupKey: 'test', groupLabels: {}, alerts: [alert], externalUrl: '' }))
}

function wordsOf(severity: Severity, fields: MessageFields, subject: string, lines: readonly string[], brief: string, link: string | undefined, webhook: WebhookPayload): Rendered {
  const all = link === undefined ? lines : [...lines, link]
  return {
    severity, fields, subject, brief, webhook, answer: '', more: [], entry: { number: fields.number, title: subject, details: [], ack: null, urgency: { kind: 'other' } },
    text: `${[subject, '', ...all].join('\n')}\n`,
    html: `<!doctype html><html lang="zh-CN"><body style="font-family:sans-serif;font-size:15px;line-height:1.6">\n<p>${lines.map(escapeHtml).join('<br>')}</p>${link === undefined ? '' : `\n<p><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></p>`}\n</body></html>`,
    markdown: [`**${plainMarkdown(subject)}**`, ...lines.map((line) => `> ${plainMarkdown(line)}`), ...(link === undefined ? [] : [`[${link}](${link})`])].join('\n\n'),
  }
}

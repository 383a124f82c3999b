import type { ClockView } from '../../protocol/api.ts'
import { officeTime } from '../clock.ts'
import { clockStops } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import type { Notice } from './notice.ts'
import { clockViews } from '../incidents/sla.ts'
import { durationText, fill } from '../sentence.ts'
import { objectText, serviceText } from '../incidents/wording.ts'
import type { Wording } from '../incidents/wording.ts'

/** A notice as mail. */
export interface Mail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Longest title in a subject; the body has all of it. */
const SUBJECT_TITLE_CHARS = 80

/**
 * Puts a notice into words as of `now`: a message that waited for its relay says the time that is left when it goes.
 * `consoleUrl` undefined: no link.
 */
export function renderNotice(notice: Notice, wording: Wording, consoleUrl: string | undefined, now: number): Mail {
  const { incident, what } = notice
  const { mail } = wording
  const service = serviceText(wording, incident.service)
  const object = objectText(wording, incident.instance, incident.part)
  const alert = incident.alerts.find((one) => one.summary === incident.title) ?? incident.alerts[0]
  const optional = (text: string, sentence: string): readonly string[] => (text === '' ? [] : [sentence])
  const about = [
    fill(mail.line.title, { title: incident.title }),
    fill(mail.line.severity, { severity: wording.severity[incident.severity] }),
    ...optional(object, fill(mail.line.object, { object })),
    fill(mail.line.service, { service }),
    ...sinceTexts(incident, wording),
    ...endTexts(notice, wording),
    ...(alert?.value === null || alert === undefined ? [] : [fill(mail.line.value, { value: valueText(alert.value) })]),
    ...optional(alert?.description ?? '', fill(mail.line.description, { description: alert?.description ?? '' })),
    ...optional(alert?.action ?? '', fill(mail.line.action, { action: alert?.action ?? '' })),
  ]
  const clockLines = clockTexts(incident, wording, now)
  const link = incidentLink(consoleUrl, incident.number)
  const heading = fill(mail.line.clocks, { profile: incident.profile.title })
  const number = fill(mail.line.number, { number: incident.number })
  return {
    subject: fill(mail.subject[what], { severity: wording.severity[incident.severity], object: object === '' ? service : object, title: shorten(incident.title), number: incident.number }),
    text: [
      mail.lead[what],
      '',
      ...about,
      '',
      heading,
      ...clockLines.map((line) => `  ${line}`),
      '',
      number,
      ...(link === undefined ? [] : [fill(mail.line.link, { link })]),
      '',
      mail.foot,
      '',
    ].join('\n'),
    html: [
      '<!doctype html><html lang="zh-CN"><body style="font-family:sans-serif;font-size:15px;line-height:1.6">',
      `<p>${escapeHtml(mail.lead[what])}</p>`,
      `<p>${about.map(escapeHtml).join('<br>')}</p>`,
      `<p>${escapeHtml(heading)}</p><ul>${clockLines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`,
      `<p>${escapeHtml(number)}${link === undefined ? '' : `<br><a href="${escapeHtml(link)}">${escapeHtml(fill(mail.line.link, { link }))}</a>`}</p>`,
      `<p style="color:#666">${escapeHtml(mail.foot)}</p>`,
      '</body></html>',
    ].join('\n'),
  }
}

/** By whom it ended, where it was not the telemetry. */
function endTexts({ what, incident: { judged }, closing }: Notice, { mail: { line } }: Wording): readonly string[] {
  if (what === 'judged' && judged !== null) return [fill(line.judged, { by: judged.by, confirmedBy: judged.confirmedBy, text: judged.text.trim() })]
  return what === 'closed' && closing !== null ? [fill(line.closed, { by: closing.by, at: officeTime(closing.at), text: closing.text.trim() })] : []
}

/** Since when, and until when. */
export function sinceTexts({ startedAt, recoveredAt }: Pick<Incident, 'startedAt' | 'recoveredAt'>, { mail: { line } }: Wording): readonly string[] {
  return [fill(line.startedAt, { startedAt: officeTime(startedAt) }), ...(recoveredAt === null ? [] : [fill(line.recoveredAt, { recoveredAt: officeTime(recoveredAt) })])]
}

/** How each clock stands at `now`. */
export function clockTexts(incident: Incident, wording: Wording, now: number): readonly string[] {
  return clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now).map((clock) => clockText(clock, wording))
}

function clockText(clock: ClockView, wording: Wording): string {
  const name = wording.clock[clock.clock]
  const dueAt = officeTime(clock.dueAt)
  const line = wording.mail.line
  if (clock.breached) return fill(line.breached, { clock: name, over: durationText(wording.duration, clock.leftMs), dueAt })
  return clock.state === 'stopped' ? fill(line.stopped, { clock: name }) : fill(line.running, { clock: name, left: durationText(wording.duration, clock.leftMs), dueAt })
}

/** Link to an incident's page; undefined without a console address. */
export function incidentLink(consoleUrl: string | undefined, number: string): string | undefined {
  return consoleUrl === undefined ? undefined : `${consoleUrl.replace(/\/+$/, '')}/incidents/${encodeURIComponent(number)}`
}

/** Four significant digits: enough to judge by, without the tail of a floating-point division. */
function valueText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value)
  return String(Number(value.toPrecision(4)))
}

/** A title that fits into a subject. */
export function shorten(title: string): string {
  const chars = Array.from(title)
  return chars.length <= SUBJECT_TITLE_CHARS ? title : `${chars.slice(0, SUBJECT_TITLE_CHARS - 1).join('')}…`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as HTML text or attribute value. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => entities[char] ?? char)
}

/**
 * One message for several: per incident its number, what happened, since when, what is left on each clock and its own
 * link to acknowledge it. An SMS names the most urgent, how to answer about it, and as many others as its segments hold.
 *
 * In order: what nobody has taken and is late, what nobody has taken by the time left, what is about no incident, what
 * somebody has taken, what is over; the worse before the milder. Alerts that are over by now are left out. Pure.
 */
import type { Severity } from '../../protocol/events.ts'
import { moreUrgent } from '../incidents/incident.ts'
import type { Wording } from '../incidents/wording.ts'
import { fill } from '../sentence.ts'
import type { Detail, Rendered, Urgency } from './channel.ts'
import { escapeHtml } from './mail-words.ts'
import type { AckWays } from './notice.ts'
import { plainMarkdown, tidy } from './plain-text.ts'
import type { WebhookPayload } from './webhook-payload.ts'

/** Most incidents that a mail lists; the rest is counted. */
const MOST_ENTRIES = 100
/** Most that a robot lists. */
const MOST_LINES = 20

/** What is said of one incident, or of one message that is about none. */
interface Item {
  readonly severity: Severity
  readonly number: string
  /** What each of its messages says, oldest first, each once. */
  readonly titles: readonly string[]
  /** As the last of them has it. */
  readonly details: readonly string[]
  readonly ack: AckWays | null
  /** How many messages it stands for. */
  readonly count: number
  readonly urgency: Urgency
  /** The last of them. */
  readonly message: Rendered
}

/** The messages by incident, the most urgent first; in their order where they are equally urgent. */
function itemsOf(messages: readonly Rendered[]): readonly Item[] {
  const items: Item[] = []
  const places = new Map<string, number>()
  for (const message of messages) {
    const { entry } = message
    const place = entry.number === '' ? undefined : places.get(entry.number)
    const known = place === undefined ? undefined : items[place]
    if (place === undefined || known === undefined) {
      if (entry.number !== '') places.set(entry.number, items.length)
      items.push(itemOf(message))
    } else {
      const made = itemOf(message)
      items[place] = { ...made, titles: [...new Set([...known.titles, entry.title])], count: known.count + 1, urgency: made.urgency.kind === 'other' ? known.urgency : made.urgency }
    }
  }
  return items.toSorted(pressing)
}

const worseFirst = (a: { readonly severity: Severity }, b: { readonly severity: Severity }): number => (moreUrgent(a.severity, b.severity) ? -1 : moreUrgent(b.severity, a.severity) ? 1 : 0)

/** 0: presses most. */
function rankOf(urgency: Urgency): number {
  switch (urgency.kind) {
    case 'unanswered':
      return urgency.leftMs < 0 ? 0 : 1
    case 'other':
      return 2
    case 'answered':
      return 3
    case 'over':
    case 'expired':
      return 4
  }
}

/** Minutes left to respond: seconds do not put what is mild before what is bad. */
const minutesLeft = (urgency: Urgency): number => (urgency.kind === 'unanswered' ? Math.floor(urgency.leftMs / 60_000) : 0)

function pressing(a: Item, b: Item): number {
  const rank = rankOf(a.urgency)
  const time = minutesLeft(a.urgency) - minutesLeft(b.urgency)
  // Late is late: there the worse comes before what is late the longest.
  return rank - rankOf(b.urgency) || (rank === 0 ? worseFirst(a, b) || time : time || worseFirst(a, b))
}

/** What has become of the incident since; undefined: nothing, or the message says it itself. */
function standingOf({ urgency }: Item, wording: Wording): string | undefined {
  const words = wording.message.digest.standing
  if (urgency.kind === 'answered') return words.answered
  return urgency.kind === 'over' && urgency.how !== 'told' ? words[urgency.how] : undefined
}

function itemOf(message: Rendered): Item {
  const { number, title, details, ack, urgency } = message.entry
  return { severity: message.severity, number, titles: [title], details, ack, count: 1, urgency, message }
}

/** At least one message. At minimal detail their own words are minimal already. */
export function renderDigest(all: readonly Rendered[], wording: Wording, detail: Detail): Rendered {
  const current = all.filter(({ entry }) => entry.urgency.kind !== 'expired')
  const messages = current.length === 0 ? all : current
  const [worst] = messages.toSorted(worseFirst)
  if (worst === undefined) throw new Error('notify: a digest of nothing')
  if (messages.length === 1) return worst
  const words = wording.message.digest
  const count = String(messages.length)
  const items = itemsOf(messages)
  const first = items[0]?.message ?? worst
  const fields = { ...first.fields, what: wording.message.what.digest, count }
  const subject = fill(words.subject, { count, severity: worst.fields.severity })
  const lead = fill(words.lead, { count })
  const more = (shown: number): readonly string[] => {
    const rest = items.slice(shown).reduce((sum, one) => sum + one.count, 0)
    return [...(rest > 0 ? [fill(words.more, { count: rest })] : []), ...(detail === 'minimal' ? [wording.message.minimal.more] : [])]
  }
  const listed = items.slice(0, MOST_ENTRIES)
  const lines = [lead, ...items.slice(0, MOST_LINES).map((one) => markedTitles(one, wording).join('；')), ...more(MOST_LINES)]
  const named = items[0]?.number === '' ? undefined : items[0]
  return {
    severity: worst.severity, fields, subject,
    text: `${[subject, '', lead, ...listed.flatMap((item, index) => ['', ...textOf(item, index, wording)]), '', ...more(MOST_ENTRIES)].join('\n').trimEnd()}\n`,
    html: [
      '<!doctype html><html lang="zh-CN"><body style="font-family:sans-serif;font-size:15px;line-height:1.6">',
      `<p>${escapeHtml(lead)}</p>`,
      `<ol>${listed.map((item) => `<li style="margin-bottom:8px">${htmlOf(item, wording)}</li>`).join('\n')}</ol>`,
      ...more(MOST_ENTRIES).map((line) => `<p>${escapeHtml(line)}</p>`),
      '</body></html>',
    ].join('\n'),
    markdown: [`**${plainMarkdown(subject)}**`, ...lines.map((line) => `> ${plainMarkdown(line)}`)].join('\n\n'),
    brief: tidy(fill(words.brief, { ...fields })),
    answer: named?.ack?.code == null ? '' : fill(wording.mail.line.ackCode, { code: named.ack.code }),
    more: items.filter((one) => one.number !== '' && one !== named).map((one) => (one.ack?.code == null ? `${one.number}${standingOf(one, wording) ?? ''}` : fill(words.answer, { number: one.number, code: one.ack.code }))),
    entry: { number: '', title: subject, details: [], ack: null, urgency: { kind: 'other' } },
    webhook: digestPayload(worst.webhook, messages),
  }
}

/** Its titles, with what has become of it since behind the first. */
function markedTitles(item: Item, wording: Wording): readonly string[] {
  const mark = standingOf(item, wording)
  return mark === undefined ? item.titles : item.titles.map((title, index) => (index === 0 ? `${title}（${mark}）` : title))
}

/** How somebody acknowledges this one: a link, an answer, or neither. */
function ackLines({ ack }: Item, { mail: { line } }: Wording): readonly string[] {
  if (ack === null) return []
  return [...(ack.link === null ? [] : [fill(line.ackLink, { link: ack.link })]), ...(ack.code === null ? [] : [fill(line.ackCode, { code: ack.code })])]
}

/** The number, where no title says it. */
const numberLine = ({ number, titles }: Item, { mail: { line } }: Wording): readonly string[] => (number === '' || titles.some((title) => title.includes(number)) ? [] : [fill(line.number, { number })])

function textOf(item: Item, index: number, wording: Wording): readonly string[] {
  const [first = '', ...others] = markedTitles(item, wording)
  return [`${index + 1}. ${first}`, ...[...others, ...numberLine(item, wording), ...item.details, ...ackLines(item, wording)].map((line) => `   ${line}`)]
}

function htmlOf(item: Item, wording: Wording): string {
  const link = item.ack?.link ?? null
  const [first = '', ...others] = markedTitles(item, wording)
  const ways = ackLines(item, wording).map((line) => (link !== null && line.includes(link) ? `<a href="${escapeHtml(link)}">${escapeHtml(line)}</a>` : escapeHtml(line)))
  return [`<strong>${escapeHtml(first)}</strong>`, ...[...others, ...numberLine(item, wording), ...item.details].map(escapeHtml), ...ways].join('<br>')
}

function digestPayload(worst: WebhookPayload, messages: readonly Rendered[]): WebhookPayload {
  const alerts = messages.toSorted(worseFirst).flatMap((one) => one.webhook.alerts)
  return { ...worst, status: alerts.some((alert) => alert.status === 'firing') ? 'firing' : 'resolved', alerts, groupLabels: {}, commonLabels: {}, commonAnnotations: {} }
}

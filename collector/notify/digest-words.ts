/**
 * One message for several: per incident its number, what happened, since when, what is left on each clock and its own
 * link to acknowledge it. An SMS names the worst, how to answer about it, and as many others as its segments hold. Pure.
 */
import type { Severity } from '../../protocol/events.ts'
import { moreUrgent } from '../incidents/incident.ts'
import type { Wording } from '../incidents/wording.ts'
import { fill } from '../sentence.ts'
import type { Detail, DigestEntry, Rendered } from './channel.ts'
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
}

/** The messages by incident, the most urgent first; in their order where they are equally urgent. */
function itemsOf(messages: readonly Rendered[]): readonly Item[] {
  const items: Item[] = []
  const places = new Map<string, number>()
  for (const { severity, entry } of messages) {
    const place = entry.number === '' ? undefined : places.get(entry.number)
    const known = place === undefined ? undefined : items[place]
    if (place === undefined || known === undefined) {
      if (entry.number !== '') places.set(entry.number, items.length)
      items.push(itemOf(severity, entry))
    } else items[place] = { ...itemOf(severity, entry), titles: [...new Set([...known.titles, entry.title])], count: known.count + 1 }
  }
  return byUrgency(items)
}

const byUrgency = <T extends { readonly severity: Severity }>(list: readonly T[]): readonly T[] => list.toSorted((a, b) => (moreUrgent(a.severity, b.severity) ? -1 : moreUrgent(b.severity, a.severity) ? 1 : 0))

const itemOf = (severity: Severity, { number, title, details, ack }: DigestEntry): Item => ({ severity, number, titles: [title], details, ack, count: 1 })

/** At least one message. At minimal detail their own words are minimal already. */
export function renderDigest(messages: readonly Rendered[], wording: Wording, detail: Detail): Rendered {
  const [worst] = byUrgency(messages)
  if (worst === undefined) throw new Error('notify: a digest of nothing')
  if (messages.length === 1) return worst
  const words = wording.message.digest
  const count = String(messages.length)
  const items = itemsOf(messages)
  const fields = { ...worst.fields, what: wording.message.what.digest, count }
  const subject = fill(words.subject, { count, severity: worst.fields.severity })
  const lead = fill(words.lead, { count })
  const more = (shown: number): readonly string[] => {
    const rest = items.slice(shown).reduce((sum, one) => sum + one.count, 0)
    return [...(rest > 0 ? [fill(words.more, { count: rest })] : []), ...(detail === 'minimal' ? [wording.message.minimal.more] : [])]
  }
  const listed = items.slice(0, MOST_ENTRIES)
  const lines = [lead, ...items.slice(0, MOST_LINES).map((one) => one.titles.join('；')), ...more(MOST_LINES)]
  const named = items.find((one) => one.number !== '' && one.number === worst.entry.number)
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
    more: items.filter((one) => one.number !== '' && one !== named).map(({ number, ack }) => (ack?.code == null ? number : fill(words.answer, { number, code: ack.code }))),
    entry: { number: '', title: subject, details: [], ack: null },
    webhook: digestPayload(worst.webhook, messages),
  }
}

/** How somebody acknowledges this one: a link, an answer, or neither. */
function ackLines({ ack }: Item, { mail: { line } }: Wording): readonly string[] {
  if (ack === null) return []
  return [...(ack.link === null ? [] : [fill(line.ackLink, { link: ack.link })]), ...(ack.code === null ? [] : [fill(line.ackCode, { code: ack.code })])]
}

/** The number, where no title says it. */
const numberLine = ({ number, titles }: Item, { mail: { line } }: Wording): readonly string[] => (number === '' || titles.some((title) => title.includes(number)) ? [] : [fill(line.number, { number })])

function textOf(item: Item, index: number, wording: Wording): readonly string[] {
  const [first = '', ...others] = item.titles
  return [`${index + 1}. ${first}`, ...[...others, ...numberLine(item, wording), ...item.details, ...ackLines(item, wording)].map((line) => `   ${line}`)]
}

function htmlOf(item: Item, wording: Wording): string {
  const link = item.ack?.link ?? null
  const [first = '', ...others] = item.titles
  const ways = ackLines(item, wording).map((line) => (link !== null && line.includes(link) ? `<a href="${escapeHtml(link)}">${escapeHtml(line)}</a>` : escapeHtml(line)))
  return [`<strong>${escapeHtml(first)}</strong>`, ...[...others, ...numberLine(item, wording), ...item.details].map(escapeHtml), ...ways].join('<br>')
}

function digestPayload(worst: WebhookPayload, messages: readonly Rendered[]): WebhookPayload {
  const alerts = byUrgency(messages).flatMap((one) => one.webhook.alerts)
  return { ...worst, status: alerts.some((alert) => alert.status === 'firing') ? 'firing' : 'resolved', alerts, groupLabels: {}, commonLabels: {}, commonAnnotations: {} }
}

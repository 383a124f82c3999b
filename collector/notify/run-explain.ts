/** Gathers the rows that an explanation rests on and asks why.ts for the answer. Reads only. */
import type { Explanation, WhyLine, WhyRoute } from '../../protocol/api-notify.ts'
import type { Labels } from '../../protocol/series.ts'
import { z } from 'zod'
import { officeTime } from '../clock.ts'
import type { State } from '../state/open.ts'
import { alertTitle } from './alert-brief.ts'
import type { Decision } from './decision.ts'
import { explainFrom, explainNotification, explainSilence } from './explain.ts'
import { fingerprintOf } from './label-set.ts'
import { matchersText } from './matcher.ts'
import type { OutboxBook, Sight } from './outbox-book.ts'
import type { RoutedAlert } from './routed-alert.ts'
import type { Dispatch } from './run-dispatch.ts'
import { answerText, weightiest, whyAlert, whyMessage } from './why.ts'
import type { AlertAnswer, HiddenFact, WhyFacts } from './why.ts'

export interface ExplainerDependencies {
  readonly state: State
  readonly dispatch: Pick<Dispatch, 'routes' | 'decisions' | 'alert' | 'alerts' | 'silences'>
  readonly book: Pick<OutboxBook, 'messages' | 'get'>
  now(): number
  /** A span of time in words. */
  span(ms: number): string
}

/** undefined: there is no such alert, notification or silence, or it is no longer kept. */
export interface Explainer {
  /** By Alertmanager's fingerprint, or by the rules' where an incident has kept it. `pending`: the rules' own view of it, for one that routing has not been told of. */
  alert(fingerprint: string, at: number, sight: Sight, pending?: PendingAlert): Promise<Explanation | undefined>
  /** The alert that speaks for an incident. */
  incident(number: string, at: number, sight: Sight): Promise<Explanation | undefined>
  notification(id: string, sight: Sight): Promise<Explanation | undefined>
  silence(id: string, at: number, sight: Sight): Promise<Explanation | undefined>
}

/** An alert whose condition holds, but not yet for as long as its rule asks. */
export interface PendingAlert {
  readonly title: string
  readonly since: number
}

/** How long before a message was queued its decision may have been made, and how long after by a clock that stepped. */
const BEFORE_MS = 60_000
const AFTER_MS = 1_000

const groupOf = (one: Pick<Decision, 'groupKey' | 'receiver'>): string => JSON.stringify([one.groupKey, one.receiver])

/** Opens the explainer. */
export function createExplainer(deps: ExplainerDependencies): Explainer {
  const { state, dispatch, book } = deps

  async function factsOf(at: number, from: number, sight: Sight, alert?: RoutedAlert): Promise<WhyFacts> {
    const all = await dispatch.decisions(from, at)
    const about = alert === undefined ? all : all.filter((one) => one.firing.includes(alert.fingerprint) || one.resolved.includes(alert.fingerprint))
    // With what their groups decided without it: by that it shows whether the alert was still among them.
    const groups = new Set(about.map(groupOf))
    const decisions = all.filter((one) => groups.has(groupOf(one)))
    const toldTimes = [...new Set(about.flatMap(({ why }) => (why.kind === 'nothing-new' && why.lastToldAt !== null ? [why.lastToldAt] : [])))]
    const toldBefore = (await Promise.all(toldTimes.map((time) => dispatch.decisions(time, time)))).flat().filter((one) => one.outcome === 'queued' && groups.has(groupOf(one)))
    const named = new Set([...about.flatMap(({ why }) => (why.kind === 'inhibitors' ? Object.values(why.by).flat() : [])), ...(alert === undefined ? about.flatMap((one) => [...one.firing, ...one.resolved]) : [])])
    const alerts = new Map<string, RoutedAlert>()
    for (const fingerprint of named) {
      const found = await dispatch.alert(fingerprint)
      if (found !== undefined) alerts.set(fingerprint, found)
    }
    return {
      at, span: (ms) => deps.span(ms), routes: dispatch.routes(), decisions, toldBefore, silences: dispatch.silences.list(), receipts: [],
      messages: await book.messages([...about, ...toldBefore].flatMap((one) => one.outboxIds), sight),
      nameOf(fingerprint) {
        const found = alerts.get(fingerprint)
        return found === undefined ? fingerprint : alertTitle(found)
      },
      alertOf: (fingerprint) => alerts.get(fingerprint),
      hidden: alert === undefined ? undefined : await hiddenAt(state, alert.labels, at),
    }
  }

  async function answerAbout(alert: RoutedAlert, at: number, sight: Sight): Promise<AlertAnswer> {
    return whyAlert(alert, await factsOf(at, explainFrom(dispatch.routes(), at), sight, alert))
  }

  async function keptAlert(fingerprint: string): Promise<RoutedAlert | undefined> {
    const labels = await labelsOf(state, fingerprint)
    return labels === undefined ? undefined : dispatch.alert(fingerprintOf(labels))
  }

  return {
    async alert(fingerprint, at, sight, pending) {
      const alert = (await dispatch.alert(fingerprint)) ?? (await keptAlert(fingerprint))
      if (alert === undefined && pending !== undefined) {
        const line: WhyLine = { at: pending.since, step: 'input', text: `${officeTime(pending.since)} 起条件成立，尚未持续到规则要求的时间，还不是告警` }
        return { now: deps.now(), at, about: { kind: 'alert', id: fingerprint, title: pending.title }, reason: 'not-yet', answer: answerText('not-yet', line.text), lines: [line], routes: [], spokesman: null }
      }
      if (alert === undefined) return undefined
      const { speaker, ...answer } = await answerAbout(alert, at, sight)
      const speaking = speaker === undefined ? undefined : await dispatch.alert(speaker)
      const spoken = speaking === undefined ? undefined : await answerAbout(speaking, at, sight)
      return {
        now: deps.now(), at, about: { kind: 'alert', id: fingerprint, title: alertTitle(alert) }, ...answer,
        spokesman: speaking === undefined || spoken === undefined ? null : { title: alertTitle(speaking), incident: speaking.labels['incident'] ?? null, answer: spoken.answer, routes: spoken.routes },
      }
    },
    async incident(number, at, sight) {
      const fingerprint = await speakerOf(state, number)
      const found = fingerprint === undefined ? undefined : await this.alert(fingerprint, at, sight)
      return found === undefined ? undefined : { ...found, about: { ...found.about, kind: 'incident', id: number } }
    },
    async notification(id, sight) {
      const message = await book.get(id, sight)
      if (message === undefined) return undefined
      const now = deps.now()
      const facts = await factsOf(message.at + AFTER_MS, message.at - BEFORE_MS, sight)
      const { decision } = explainNotification(id, facts)
      const { reason, lines } = whyMessage(message, now)
      const told = decision?.decision
      const about = told === undefined ? [] : [...told.firing, ...told.resolved].map((fingerprint) => facts.nameOf(fingerprint))
      const route: WhyRoute = {
        receiver: message.receiver, reason,
        lines: [
          decision === undefined
            ? { at: message.at, step: 'decision', text: message.kind === 'test' ? '这是控制台的测试消息' : '不是由告警路由发出（升级、值班提醒等），或路由的记录已不在保存期内' }
            : { at: decision.decision.at, step: 'decision', text: decision.text },
          ...(about.length === 0 ? [] : [{ at: null, step: 'input' as const, text: `涉及 ${about.slice(0, 10).join('、')}${about.length > 10 ? ` 等 ${about.length} 条告警` : ''}` }]),
          ...lines,
        ],
      }
      return {
        now, at: message.at, about: { kind: 'notification', id, title: message.subject ?? `${message.channel} → ${message.receiver}` }, reason,
        answer: answerText(reason, lines.at(-1)?.text ?? ''), lines: [{ at: message.at, step: 'input', text: `${officeTime(message.at)} 排入 ${message.channel}，发给 ${message.to.join('、')}` }], routes: [route], spokesman: null,
      }
    },
    async silence(id, at, sight) {
      const silence = dispatch.silences.get(id)
      if (silence === undefined) return undefined
      const facts = await factsOf(at, explainFrom(dispatch.routes(), at), sight)
      const found = explainSilence(silence, facts)
      const stateText = { pending: '此时尚未生效', active: '此时生效中', expired: '此时已经结束' }[found.state]
      const held = found.muted.filter((one) => one.decision.decision.at <= at)
      const reason = found.state === 'active' && held.length > 0 ? 'silenced' : 'muted-nothing'
      const names = [...new Set(held.flatMap((one) => one.fingerprints))].map((one) => facts.nameOf(one))
      return {
        now: deps.now(), at, about: { kind: 'silence', id, title: `${silence.createdBy}「${silence.comment}」` }, reason,
        answer: reason === 'silenced' ? `静默了 ${names.join('、')}` : answerText(reason, stateText),
        lines: [
          { at: silence.startsAt, step: 'input', text: `${silence.createdBy} 于 ${officeTime(silence.createdAt)} 设立，${officeTime(silence.startsAt)} 至 ${officeTime(silence.endsAt)}，原因：${silence.comment}` },
          { at: null, step: 'input', text: `条件 ${matchersText(silence.matchers.map((one) => ({ ...one, matches: () => false })))}` },
          { at: null, step: 'decision', text: stateText },
        ],
        routes: [...Map.groupBy(held, (one) => one.decision.decision.receiver)].map(([receiver, some]): WhyRoute => ({ receiver, reason: weightiest(['silenced']), lines: some.map((one) => ({ at: one.decision.decision.at, step: 'suppressor', text: `${one.decision.text}：${one.fingerprints.map((fingerprint) => facts.nameOf(fingerprint)).join('、')}` })) })),
        spokesman: null,
      }
    },
  }
}

const factLabels = z.looseObject({ labels: z.record(z.string(), z.string()) })
const titled = z.looseObject({ title: z.string() })

const keptAlerts = z.looseObject({ alerts: z.array(z.looseObject({ fingerprint: z.string(), labels: z.record(z.string(), z.string()) })) })

/** Labels of an alert that the rules name so and that an incident has, or explains. */
async function labelsOf(state: State, fingerprint: string): Promise<Labels | undefined> {
  const hidden = await state.db.selectFrom('incident_hidden').select('facts_json').where('fingerprint', '=', fingerprint).orderBy('hidden_at', 'desc').limit(1).executeTakeFirst()
  if (hidden !== undefined) return factLabels.safeParse(JSON.parse(hidden.facts_json)).data?.labels
  const row = await state.db.selectFrom('incident_alert').innerJoin('incident', 'incident.id', 'incident_alert.incident_id').select('incident.body_json').where('incident_alert.fingerprint', '=', fingerprint).orderBy('incident.id', 'desc').limit(1).executeTakeFirst()
  if (row === undefined) return undefined
  return keptAlerts.safeParse(JSON.parse(row.body_json)).data?.alerts.find((one) => one.fingerprint === fingerprint)?.labels
}

/** Fingerprint of the newest alert that spoke under this number; it outlives its place in memory. */
async function speakerOf(state: State, number: string): Promise<string | undefined> {
  // A number that could be a pattern is none of ours.
  if (!/^[A-Za-z0-9-]{1,40}$/.test(number)) return undefined
  const row = await state.db.selectFrom('routed_alert').select('fingerprint').where('alert_json', 'like', `%"incident":"${number}"%`).orderBy('updated_at', 'desc').limit(1).executeTakeFirst()
  return row?.fingerprint
}

/** Whether the topology had put an alert of these labels behind a cause then. */
async function hiddenAt(state: State, labels: Labels, at: number): Promise<HiddenFact | undefined> {
  const fingerprint = fingerprintOf(labels)
  const rows = await state.db
    .selectFrom('incident_hidden')
    .innerJoin('incident', 'incident.id', 'incident_hidden.incident_id')
    .select(['incident.number', 'incident.body_json', 'incident_hidden.hidden_at', 'incident_hidden.ended_at', 'incident_hidden.facts_json'])
    .where('incident_hidden.name', '=', labels['alertname'] ?? '')
    .where('incident_hidden.instance', '=', labels['instance'] ?? '')
    .where('incident_hidden.hidden_at', '<=', at)
    .orderBy('incident_hidden.hidden_at', 'desc')
    .limit(100)
    .execute()
  for (const row of rows) {
    if (row.ended_at !== null && row.ended_at <= at) continue
    const facts = factLabels.safeParse(JSON.parse(row.facts_json))
    if (!facts.success || fingerprintOf(facts.data.labels) !== fingerprint) continue
    return { incident: row.number, title: titled.safeParse(JSON.parse(row.body_json)).data?.title ?? row.number, from: row.hidden_at }
  }
  return undefined
}

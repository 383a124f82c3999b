/**
 * The answer to "why did it (not) ring at 03:12?": one reason, one sentence, and the lines that lead to it. Pure; the
 * facts are rows of state.db, gathered in run-explain.ts.
 */
import type { WhyLine, WhyReason, WhyRoute } from '../../protocol/api-notify.ts'
import { officeTime } from '../clock.ts'
import { alertTitle } from './alert-brief.ts'
import type { Decision } from './decision.ts'
import { explainAlert } from './explain.ts'
import type { ExplainFacts, ExplainedDecision } from './explain.ts'
import { labelSetText } from './label-set.ts'
import type { OutboxView } from '../../protocol/api-notify.ts'
import type { RoutedAlert } from './routed-alert.ts'
import { isResolved } from './routed-alert.ts'

/** That the topology put an alert behind a cause. */
export interface HiddenFact {
  readonly incident: string
  readonly title: string
  readonly from: number
}

export interface WhyFacts extends ExplainFacts {
  /** Messages that decisions name, by id; one that is missing is forgotten. */
  readonly messages: ReadonlyMap<string, Pick<OutboxView, 'channel' | 'to' | 'receipts' | 'error' | 'heldUntil'>>
  /** What was handed over in earlier flushes that "told before" refers to. */
  readonly toldBefore: readonly Decision[]
  alertOf(fingerprint: string): RoutedAlert | undefined
  /** Where the alert was behind a cause at the moment. */
  readonly hidden: HiddenFact | undefined
}

/** A flush is at most so late, and an alert is on its way to routing for at most so long. */
const SLACK_MS = 15_000

/** An answer about one alert. */
export interface AlertAnswer {
  readonly reason: WhyReason
  readonly answer: string
  readonly lines: readonly WhyLine[]
  readonly routes: readonly WhyRoute[]
  /** Fingerprint of the alert of its incident, which was told in its place. */
  readonly speaker: string | undefined
}

/** Of several routes, the one that matters most comes first: somebody was told; somebody should have been; nobody was to be. */
const weight: readonly WhyReason[] = [
  'told', 'channel-failed', 'queue-failed', 'sending', 'superseded', 'repeat-not-due', 'no-receiver', 'hidden', 'spoken-for', 'inhibited', 'silenced', 'mute-time', 'outside-active', 'not-told-of-ends',
  'nothing-to-tell', 'waiting', 'over', 'not-yet', 'not-routed', 'muted-nothing', 'unknown',
]

/** The weightiest of some reasons. */
export function weightiest(reasons: readonly WhyReason[]): WhyReason {
  return weight.find((reason) => reasons.includes(reason)) ?? 'unknown'
}

const line = (step: WhyLine['step'], text: string, at: number | null = null): WhyLine => ({ at, step, text })

/** Why an alert was told, or was not. */
export function whyAlert(alert: RoutedAlert, facts: WhyFacts): AlertAnswer {
  const { at } = facts
  const explained = explainAlert(alert, facts)
  const ended = isResolved(alert, at) ? `，${officeTime(alert.endsAt ?? at)} 恢复` : ''
  const lines = [
    line('input', explained.state === 'not-yet' ? `${alertTitle(alert)} 此时尚未发生，${officeTime(alert.startsAt)} 才开始` : `${alertTitle(alert)}，${officeTime(alert.startsAt)} 开始${ended}`, alert.startsAt),
    line('input', `标签 ${labelSetText(alert.routing)}`),
    ...(facts.hidden === undefined ? [] : [line('topology', `${officeTime(facts.hidden.from)} 起，拓扑判定它由故障单 ${facts.hidden.incident}「${facts.hidden.title}」引起，列在该单内，不单独通知`, facts.hidden.from)]),
  ]
  let speaker: string | undefined
  const routes = explained.routes.map((route): WhyRoute => {
    const place = line('route', `命中路由，接收方 ${route.receiver}，分组 ${route.groupKey}（首次等待 ${facts.span(route.groupWaitMs)}，组内变化间隔 ${facts.span(route.groupIntervalMs)}，重复间隔 ${facts.span(route.repeatIntervalMs)}）`)
    const integrations = facts.routes.receivers.get(route.receiver)?.integrations.length ?? 0
    if (integrations === 0) return { receiver: route.receiver, reason: 'no-receiver', lines: [place, line('decision', `接收方 ${route.receiver} 没有配置任何去处`)] }
    if (route.decisions.length === 0) {
      if (explained.state === 'resolved') return { receiver: route.receiver, reason: 'over', lines: [place, line('decision', '告警已经恢复，分组不再包含它')] }
      if (explained.state === 'not-yet') return { receiver: route.receiver, reason: 'not-yet', lines: [place, line('decision', route.text)] }
      if (at - alert.startsAt <= Math.max(route.groupWaitMs, route.groupIntervalMs) + SLACK_MS) return { receiver: route.receiver, reason: 'waiting', lines: [place, line('decision', route.text)] }
      return { receiver: route.receiver, reason: 'unknown', lines: [place, line('decision', '没有此时的路由记录：当时告警尚未报到、程序未运行，或记录已超出保存期')] }
    }
    const found = route.decisions.map((one) => whyDecision(one, alert, route.repeatIntervalMs, facts))
    speaker ??= found.find((one) => one.speaker !== undefined)?.speaker
    return { receiver: route.receiver, reason: weightiest(found.map((one) => one.reason)), lines: [place, ...found.flatMap((one) => one.lines)] }
  })
  // It was hidden before routing had looked at it: the waiting would only end in that.
  const reasons = routes.map((one): WhyReason => (facts.hidden !== undefined && (one.reason === 'waiting' || one.reason === 'spoken-for' || one.reason === 'inhibited') ? 'hidden' : one.reason))
  const reason = explained.state === 'not-yet' ? 'not-yet' : weightiest(reasons)
  const chosen = routes.find((_, index) => reasons[index] === reason)
  return { reason, answer: answerText(reason, chosen?.lines.findLast((one) => one.step !== 'route' && (one.at ?? at) <= at)?.text ?? '', facts.hidden), lines, routes, speaker }
}

interface DecisionAnswer {
  readonly reason: WhyReason
  readonly lines: readonly WhyLine[]
  readonly speaker?: string | undefined
}

function whyDecision({ decision, text }: ExplainedDecision, alert: RoutedAlert, repeatIntervalMs: number, facts: WhyFacts): DecisionAnswer {
  const { why } = decision
  const said = (step: WhyLine['step']): WhyLine => line(step, text, decision.at)
  switch (why.kind) {
    case 'inhibitors': {
      const speaker = (why.by[alert.fingerprint] ?? []).find((one) => facts.alertOf(one)?.labels['incident'] !== undefined)
      if (speaker === undefined) return { reason: 'inhibited', lines: [said('suppressor')] }
      return { reason: 'spoken-for', speaker, lines: [line('suppressor', `${officeTime(decision.at)} 起由故障单 ${facts.alertOf(speaker)?.labels['incident'] ?? ''} 统一通知，不单独通知`, decision.at)] }
    }
    case 'silences':
      return { reason: 'silenced', lines: [said('suppressor')] }
    case 'outside-active':
      return { reason: 'outside-active', lines: [said('suppressor')] }
    case 'mute-time':
      return { reason: 'mute-time', lines: [said('suppressor')] }
    case 'nothing-new': {
      if (why.lastToldAt === null) return { reason: 'nothing-to-tell', lines: [said('decision')] }
      const before = facts.toldBefore.filter((one) => one.groupKey === decision.groupKey && one.receiver === decision.receiver && one.integration === decision.integration && one.at === why.lastToldAt)
      return {
        reason: 'repeat-not-due',
        lines: [line('decision', `${decision.integration}：${text}，重复提醒不早于 ${officeTime(why.lastToldAt + repeatIntervalMs)}`, decision.at), ...before.flatMap((one) => whyMessages(one, facts).lines)],
      }
    }
    case 'error':
      return { reason: 'queue-failed', lines: [said('decision')] }
    case 'news': {
      if (decision.outcome === 'cleared') return { reason: 'not-told-of-ends', lines: [said('decision')] }
      const { reason, lines } = whyMessages(decision, facts)
      return { reason, lines: [said('decision'), ...lines] }
    }
  }
}

/** What had become of a decision's messages at the moment; what came of them later is told too. */
export function whyMessages(decision: Pick<Decision, 'outboxIds' | 'receiver' | 'integration'>, facts: Pick<WhyFacts, 'messages' | 'at'>): DecisionAnswer {
  if (decision.outboxIds.length === 0) return { reason: 'no-receiver', lines: [line('receipt', `${decision.receiver} ${decision.integration} 此刻没有可通知的人，或由外部 Alertmanager 通知，没有发出消息`)] }
  const answers = decision.outboxIds.map((id): DecisionAnswer => {
    const message = facts.messages.get(id)
    return message === undefined ? { reason: 'unknown', lines: [line('receipt', `消息 ${id} 的记录已不在保存期内`)] } : whyMessage(message, facts.at)
  })
  return { reason: weightiest(answers.map((one) => one.reason)), lines: answers.flatMap((one) => one.lines) }
}

/** What had become of one message. */
export function whyMessage(message: Pick<OutboxView, 'channel' | 'to' | 'receipts' | 'error' | 'heldUntil'>, at: number): DecisionAnswer {
  const { channel, to, receipts } = message
  const lines = receipts.map((one) => {
    const late = one.at > at ? '（在此之后）' : ''
    const missed = one.missed.map(({ address, why, again }) => `${address} ${again ? '暂未送达' : '被拒收'}：${why}`)
    const words = {
      delivered: `${officeTime(one.at)} 经 ${channel} 送达 ${one.to.join('、')}`,
      'try-again': `${officeTime(one.at)} 经 ${channel} 第 ${one.attempt} 次发送未成功，将重试：${one.detail}`,
      refused: `${officeTime(one.at)} ${channel} 拒收，不再重试：${one.detail}`,
      budget: `${officeTime(one.at)} 没有经 ${channel} 发出：${one.detail}`,
      interrupted: `${officeTime(one.at)} 程序在发送途中退出，已重新发送`,
      superseded: `${officeTime(one.at)} 轮到发送时已不再成立，没有发送：${one.detail}`,
    } as const
    return line('receipt', `${[words[one.outcome], ...missed].join('；')}${late}`, one.at)
  })
  const held = message.heldUntil === null ? [] : [line('suppressor', `${channel} 对同一接收人的发送条数有上限，此条最早 ${officeTime(message.heldUntil)} 发出`, message.heldUntil)]
  const last = receipts.filter((one) => one.at <= at).at(-1)
  if (last === undefined) return { reason: 'sending', lines: [line('receipt', `已排入 ${channel} 发送队列（${to.join('、')}），此时还没有回执`), ...lines, ...held] }
  if (receipts.some((one) => one.at <= at && one.outcome === 'delivered')) return { reason: 'told', lines }
  return { reason: last.outcome === 'superseded' ? 'superseded' : 'channel-failed', lines }
}

const openings: Readonly<Record<WhyReason, string>> = {
  told: '响了', sending: '正在发送', superseded: '没有发出：轮到发送时已不再成立', 'channel-failed': '没有送达：渠道故障', 'queue-failed': '没有响：未能排入发送队列', silenced: '没有响：被静默', inhibited: '没有响：被抑制', hidden: '没有单独响：列在上级故障单内',
  'spoken-for': '没有单独响：由故障单统一通知', 'mute-time': '没有响：免打扰时段', 'outside-active': '没有响：不在生效时段', 'repeat-not-due': '没有再响：已经通知过，重复提醒未到时间', 'nothing-to-tell': '没有响：没有需要告知的内容',
  'not-told-of-ends': '没有响：该渠道不告知恢复', waiting: '还没有响：分组等待中', 'not-yet': '没有响：告警此时尚未发生', over: '没有响：告警此时已经恢复', 'no-receiver': '没有响：没有可通知的人', unknown: '记录不足，无法判断',
  'not-routed': '不是由告警路由发出', 'muted-nothing': '此时没有静默任何告警',
}

/** The reason in one sentence. */
export function answerText(reason: WhyReason, because: string, hidden?: HiddenFact): string {
  const more = reason === 'hidden' && hidden !== undefined ? `故障单 ${hidden.incident}「${hidden.title}」` : because
  return `${openings[reason]}${more === '' ? '' : `（${more}）`}`
}

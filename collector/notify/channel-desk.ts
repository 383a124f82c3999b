/** The channels as people look after them: how each stands, its last receipts, and the test button. */
import type { ChannelList, ChannelTest, ChannelView } from '../../protocol/api-notify.ts'
import { appendAudit } from '../state/audit.ts'
import type { State } from '../state/open.ts'
import { addressOf, mailbox, phone } from './channel-settings.ts'
import type { ChannelKindName } from './channel-settings.ts'
import type { SendOutcome } from './channel.ts'
import { maskedAddress, maskedText } from './contact-mask.ts'
import { done, refusal } from './desk-outcome.ts'
import type { DeskOutcome } from './desk-outcome.ts'
import { receiptView } from './outbox-book.ts'
import type { Sight } from './outbox-book.ts'
import type { Outbox } from './outbox.ts'

/** Receipts that a channel shows. */
const LAST_RECEIPTS = 8
/** A test costs money and people's patience: so long between two of one channel. */
const TEST_EVERY_MS = 10_000
/** Most addresses of one test. */
const MOST_ADDRESSES = 5

export interface ChannelDeskDependencies {
  readonly state: State
  readonly outbox: Pick<Outbox, 'standings' | 'test' | 'allChannelsDown'>
  now(): number
  /** Kind of each channel of collector.yml; the others are webhooks that the routes name. */
  readonly kinds: Readonly<Record<string, ChannelKindName>>
  /** A span of time in words. */
  span(ms: number): string
}

export interface ChannelDesk {
  list(sight: Sight): Promise<ChannelList>
  test(channel: string, to: readonly string[], actor: string, sight: Sight): Promise<DeskOutcome<ChannelTest>>
  allDown(): boolean
}

/** Opens the desk. */
export function createChannelDesk(deps: ChannelDeskDependencies): ChannelDesk {
  const { state, outbox } = deps
  const testedAt = new Map<string, number>()
  const kindOf = (name: string): ChannelKindName => (Object.hasOwn(deps.kinds, name) ? deps.kinds[name] : undefined) ?? 'webhook'

  async function viewOf(standing: Awaited<ReturnType<Outbox['standings']>>[number], sight: Sight): Promise<ChannelView> {
    const { name, health } = standing
    const now = deps.now()
    const kind = kindOf(name)
    const [waiting, sent, receipts] = await Promise.all([
      state.db.selectFrom('outbox').select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.min('created_at').as('oldest')]).where('channel', '=', name).where('state', 'in', ['queued', 'sending']).executeTakeFirstOrThrow(),
      state.db.selectFrom('outbox').select((eb) => eb.fn.countAll<number>().as('count')).where('channel', '=', name).where('state', '=', 'sent').where('updated_at', '>', now - 3_600_000).executeTakeFirstOrThrow(),
      state.db.selectFrom('receipt').innerJoin('outbox', 'outbox.id', 'receipt.outbox_id').selectAll('receipt').select(['outbox.receiver as receiver']).where('outbox.channel', '=', name).orderBy('receipt.at', 'desc').limit(LAST_RECEIPTS).execute(),
    ])
    return {
      name, kind, state: health === undefined ? 'unknown' : health.kind, why: health?.kind === 'down' ? (sight.contacts ? health.why : maskedText(health.why)) : null,
      detail: standing.detail, perMinute: standing.perMinute, sentLastHour: sent.count, waiting: waiting.count, oldestWaitingAt: waiting.count === 0 ? null : waiting.oldest,
      pausedUntil: standing.pausedUntil > now ? standing.pausedUntil : null,
      budget: standing.budget === undefined ? null : standing.budget, balance: standing.balance ?? null,
      receipts: receipts.map((row) => ({ ...receiptView(row, sight), message: row.outbox_id, receiver: row.receiver })),
      address: addressOf[kind],
    }
  }

  return {
    allDown: () => outbox.allChannelsDown(),
    async list(sight) {
      const standings = await outbox.standings()
      return { now: deps.now(), allDown: outbox.allChannelsDown(), channels: await Promise.all(standings.map((one) => viewOf(one, sight))) }
    },
    async test(channel, to, actor, sight) {
      if (!(await outbox.standings()).some((one) => one.name === channel)) return refusal(404, 'not-found', '没有这个渠道')
      const fault = addressFault(kindOf(channel), to)
      if (fault !== undefined) return refusal(422, 'address', fault)
      const now = deps.now()
      const last = testedAt.get(channel)
      if (last !== undefined && now - last >= 0 && now - last < TEST_EVERY_MS) return refusal(429, 'too-soon', `同一渠道每 ${deps.span(TEST_EVERY_MS)}最多测试一次`)
      testedAt.set(channel, now)
      // Before it goes: what may cost money must not go unrecorded.
      await state.db.transaction().execute((trx) => appendAudit(trx, { at: now, actor, action: 'channel.test', object: channel, detail: { to: to.map(maskedAddress) } }))
      const tested = await outbox.test(channel, to)
      if (tested === undefined) return refusal(404, 'not-found', '没有这个渠道')
      const detail = outcomeText(tested.outcome)
      return done({ id: tested.id, outcome: tested.outcome.kind, detail: sight.contacts ? detail : maskedText(detail) })
    },
  }
}

function addressFault(kind: ChannelKindName, to: readonly string[]): string | undefined {
  const needs = addressOf[kind]
  if (needs === 'none') return to.length > 0 ? '这个渠道不需要接收地址' : undefined
  if (to.length === 0) return needs === 'phone' ? '请填写接收测试短信的手机号' : '请填写接收测试邮件的邮箱'
  if (to.length > MOST_ADDRESSES) return `一次测试最多 ${MOST_ADDRESSES} 个地址`
  const schema = needs === 'phone' ? phone : mailbox
  const bad = to.find((one) => !schema.safeParse(one).success)
  return bad === undefined ? undefined : needs === 'phone' ? `不是手机号：${bad}` : `不是邮箱地址：${bad}`
}

function outcomeText(outcome: SendOutcome): string {
  if (outcome.kind !== 'delivered') return outcome.why
  const missing = [...outcome.refused, ...outcome.again].map((one) => `${one.address}: ${one.why}`)
  return [outcome.detail, ...missing].filter((part) => part !== '').join('; ')
}

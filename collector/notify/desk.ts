/** Everything that people do with routing, silences, channels and the outbox, opened over the running rooms. */
import type { Labels } from '../../protocol/series.ts'
import type { Json } from '../state/audit.ts'
import type { State } from '../state/open.ts'
import { createChannelDesk } from './channel-desk.ts'
import type { ChannelDesk } from './channel-desk.ts'
import type { ChannelKindName } from './channel-settings.ts'
import type { Channel, Detail, Rendered } from './channel.ts'
import type { WayWorld } from './deliver.ts'
import { createOutboxBook } from './outbox-book.ts'
import type { OutboxBook } from './outbox-book.ts'
import type { Outbox } from './outbox.ts'
import { createRoutingDesk } from './routing-desk.ts'
import type { RoutingDesk } from './routing-desk.ts'
import type { Dispatch } from './run-dispatch.ts'
import { createExplainer } from './run-explain.ts'
import type { Explainer } from './run-explain.ts'
import { createSilenceDesk } from './silence-desk.ts'
import type { SilenceDesk } from './silence-desk.ts'
import type { RoutedAlert } from './routed-alert.ts'
import { peopleBehind } from './target-people.ts'

export interface NotifyDeskDependencies {
  readonly state: State
  readonly dispatch: Dispatch
  readonly outbox: Outbox
  readonly channels: readonly Pick<Channel, 'name' | 'detail' | 'digest'>[]
  /** Kinds of the channels of collector.yml. */
  readonly kinds: Readonly<Record<string, ChannelKindName>>
  now(): number
  render(payload: Json, now: number, detail: Detail): Rendered
  /** Whether a guard period is in force then on that service, or on any where it is undefined. */
  silenceNeedsSecond(at: number, service: string | undefined): boolean
  /** How notifications find their people. */
  readonly ways: WayWorld
  /** Why nobody of that roster is there, in words. */
  whyNobody(roster: string): string
  incidentOf(labels: Labels): string | undefined
  /** Fingerprint of the alert that speaks for this one; undefined: it speaks for itself. */
  spokenForBy(alert: RoutedAlert): string | undefined
  /** A span of time that somebody has set, in words. */
  span(ms: number): string
  /** 30 days where left out. */
  readonly longestSilenceMs?: number
}

export interface NotifyDesk {
  readonly silences: SilenceDesk
  readonly channels: ChannelDesk
  readonly outbox: OutboxBook
  readonly routing: RoutingDesk
  readonly explain: Explainer
}

/** Opens the desks; none keeps anything running. */
export function createNotifyDesk(deps: NotifyDeskDependencies): NotifyDesk {
  const { state, dispatch, outbox } = deps
  const now = (): number => deps.now()
  const details = new Map(deps.channels.map(({ name, detail }) => [name, detail ?? 'full'] as const))
  const digests = new Map(deps.channels.map(({ name, digest }) => [name, digest] as const))
  const book = createOutboxBook({ db: state.db, now, render: (payload, at, detail) => deps.render(payload, at, detail), detailOf: (channel) => details.get(channel) ?? 'full', digestOf: (channel) => digests.get(channel) })
  return {
    silences: createSilenceDesk({ state, dispatch, now, spokenForBy: (alert) => deps.spokenForBy(alert), silenceNeedsSecond: (at, service) => deps.silenceNeedsSecond(at, service), ...(deps.longestSilenceMs === undefined ? {} : { longestMs: deps.longestSilenceMs }) }),
    channels: createChannelDesk({ state, outbox, now, kinds: deps.kinds, span: (ms) => deps.span(ms) }),
    outbox: book,
    routing: createRoutingDesk({ dispatch, now, peopleOf: (target) => peopleBehind(target, deps.ways, (roster) => deps.whyNobody(roster)), works: () => outbox.works(), incidentOf: (labels) => deps.incidentOf(labels), span: (ms) => deps.span(ms) }),
    explain: createExplainer({ state, dispatch, book, now, span: (ms) => deps.span(ms) }),
  }
}

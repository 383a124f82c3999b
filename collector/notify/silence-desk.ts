/**
 * Silences as people keep them: made, moved, ended, and in a guard period agreed to by a second person. Every act is
 * one transaction with its audit row.
 */
import { randomUUID } from 'node:crypto'
import type { OverrunView, SilenceList, SilenceStanding, SilenceView } from '../../protocol/api-notify.ts'
import { appendAudit } from '../state/audit.ts'
import type { State } from '../state/open.ts'
import { alertBrief } from './alert-brief.ts'
import { done, refusal } from './desk-outcome.ts'
import type { DeskOutcome } from './desk-outcome.ts'
import { matchesAll } from './matcher.ts'
import type { RoutedAlert } from './routed-alert.ts'
import type { Dispatch } from './run-dispatch.ts'
import { auditSilence, silenceFacts } from './silence-audit.ts'
import { decideRequest, insertRequest, loadRequest, loadRequests } from './silence-request-storage.ts'
import type { KeptRequest } from './silence-request-storage.ts'
import { LONGEST_MS, chainStart, needsSecond, requestOf, wantedFault } from './silence-rules.ts'
import type { WantedSilence } from './silence-rules.ts'
import { compileSilence, overruns, silenceState } from './silence.ts'
import type { Overrun, Silence, SilenceMatcher, SilenceRequest } from './silence.ts'

/** Alerts that a view names; the rest is counted. */
const MOST_NAMED = 20
/** How long a silence that has ended stays in the list. */
const SHOWN_MS = 7 * 86_400_000

export interface SilenceDeskDependencies {
  readonly state: State
  readonly dispatch: Pick<Dispatch, 'silences' | 'alerts'>
  now(): number
  /** Whether a guard period is in force then on that service, or on any where it is undefined. */
  silenceNeedsSecond(at: number, service: string | undefined): boolean
  /** Fingerprint of the alert that speaks for this one; undefined: it speaks for itself. */
  spokenForBy(alert: RoutedAlert): string | undefined
  /** LONGEST_MS where left out. */
  readonly longestMs?: number
  newId?(): string
}

/** What somebody asks for; times in epoch ms. `startsAt` undefined: now. */
export interface AskedSilence {
  readonly matchers: readonly SilenceMatcher[]
  readonly startsAt: number | undefined
  readonly endsAt: number
  readonly reason: string
}

/** A change; what is undefined stays. */
export interface AskedChange {
  readonly matchers: readonly SilenceMatcher[] | undefined
  readonly endsAt: number | undefined
  readonly reason: string
}

export interface SilenceDesk {
  list(): Promise<SilenceList>
  create(asked: AskedSilence, actor: string): Promise<DeskOutcome<SilenceView>>
  /** The caller answers for it from then on. */
  change(id: string, asked: AskedChange, actor: string): Promise<DeskOutcome<SilenceView>>
  expire(id: string, actor: string): Promise<DeskOutcome<SilenceView>>
  /** The second person agrees. */
  confirm(id: string, actor: string): Promise<DeskOutcome<SilenceView>>
  /** The second person refuses, or the owner takes it back. */
  refuse(id: string, reason: string, actor: string): Promise<DeskOutcome<SilenceView>>
  /** Why a silence that comes over the Alertmanager API is refused, in one sentence; undefined: it is not. */
  apiFault(request: SilenceRequest): string | undefined
}

/** Somebody else had decided in between. */
class Decided extends Error {
  override readonly name = 'Decided'
}

const notFound = () => refusal(404, 'not-found', '没有这条静默')
const decidedAlready = () => refusal(409, 'decided', '这条静默申请已经有了结论')

/** Opens the desk. */
export function createSilenceDesk(deps: SilenceDeskDependencies): SilenceDesk {
  const { state, dispatch } = deps
  const { silences } = dispatch
  const longestMs = deps.longestMs ?? LONGEST_MS
  const newId = deps.newId ?? randomUUID
  const spokenForBy = (alert: RoutedAlert): string | undefined => deps.spokenForBy(alert)
  const firing = (): readonly RoutedAlert[] => dispatch.alerts().map((one) => one.alert)
  const start = (known: Silence | undefined): number => chainStart(known, (id) => silences.get(id))
  const requests = (): Promise<readonly KeptRequest[]> => loadRequests(state.db, deps.now() - SHOWN_MS)

  async function oneView(silence: Silence): Promise<SilenceView> {
    const alerts = firing()
    const now = deps.now()
    return silenceViewOf(silence, { alerts, spokenForBy, now, overruns: overruns(silences.list(), alerts, now), requests: await requests() })
  }

  /** Sets it at once, or keeps the request for a second person. */
  async function ask(wanted: WantedSilence, actor: string): Promise<DeskOutcome<SilenceView>> {
    const now = deps.now()
    const fault = wantedFault(wanted, start(wanted.known), now, longestMs)
    if (fault !== undefined) return refusal(422, 'input-wrong', fault)
    if (!needsSecond(wanted, now, (at, service) => deps.silenceNeedsSecond(at, service))) return set(wanted, actor)
    const request: KeptRequest = { id: newId(), changes: wanted.known?.id, matchers: wanted.matchers, startsAt: wanted.startsAt, endsAt: wanted.endsAt, owner: actor, reason: wanted.reason, askedAt: now, decided: undefined }
    await state.db.transaction().execute(async (trx) => {
      await insertRequest(trx, request)
      await appendAudit(trx, { at: now, actor, action: 'silence.request', object: request.id, detail: { ...silenceFacts({ ...request, createdBy: actor, comment: request.reason }), ...(request.changes === undefined ? {} : { changes: request.changes }) } })
    })
    return done(requestViewOf(request, { alerts: firing(), spokenForBy, now }))
  }

  /** `decide`: the request that a second person has agreed to. */
  async function set(wanted: WantedSilence, owner: string, decide?: { readonly id: string; readonly by: string }): Promise<DeskOutcome<SilenceView>> {
    try {
      const outcome = await silences.set(requestOf(wanted, owner), async (trx, change) => {
        const now = deps.now()
        if (decide !== undefined && !(await decideRequest(trx, decide.id, { at: now, by: decide.by, refusal: null, silenceId: change.silence.id }))) throw new Decided()
        await auditSilence(trx, change, owner, now, decide?.by)
      })
      switch (outcome.kind) {
        case 'set':
          return done(await oneView(outcome.silence))
        case 'not-found':
          return notFound()
        case 'refused':
          return refusal(422, 'input-wrong', `静默不符合要求：${outcome.why}`)
      }
    } catch (error) {
      if (error instanceof Decided) return decidedAlready()
      throw error
    }
  }

  async function waiting(id: string): Promise<KeptRequest | DeskOutcome<never>> {
    const request = await loadRequest(state.db, id)
    if (request === undefined) return refusal(404, 'not-found', '没有这条静默申请')
    return request.decided === undefined ? request : decidedAlready()
  }

  return {
    async list() {
      const now = deps.now()
      const alerts = firing()
      const kept = await requests()
      const all = silences.list()
      const world: World = { alerts, spokenForBy, now, overruns: overruns(all, alerts, now), requests: kept }
      const shown = all.map((one) => silenceViewOf(one, world)).filter((one) => one.state !== 'expired' || one.endsAt > now - SHOWN_MS || one.overruns.some((over) => over.kind === 'still-firing'))
      const asked = kept.filter((one) => one.decided === undefined || one.decided.refusal !== null).map((one) => requestViewOf(one, world)).sort((a, b) => b.createdAt - a.createdAt)
      return { now, longestMs, silences: [...asked.filter((one) => one.state === 'waiting'), ...shown, ...asked.filter((one) => one.state !== 'waiting')] }
    },
    create: (asked, actor) => ask({ known: undefined, matchers: asked.matchers, startsAt: Math.max(asked.startsAt ?? 0, deps.now()), endsAt: asked.endsAt, reason: asked.reason }, actor),
    async change(id, asked, actor) {
      const known = silences.get(id)
      if (known === undefined) return notFound()
      const now = deps.now()
      if (silenceState(known, now) === 'expired') return refusal(409, 'expired', '静默已经结束，请新建一条')
      // One that has not begun may not keep a start that has passed while the form was open.
      const startsAt = silenceState(known, now) === 'pending' ? Math.max(known.startsAt, now) : known.startsAt
      return ask({ known, matchers: asked.matchers ?? known.matchers, startsAt, endsAt: asked.endsAt ?? known.endsAt, reason: asked.reason }, actor)
    },
    async expire(id, actor) {
      switch (await silences.expire(id, (trx, change) => auditSilence(trx, change, actor, deps.now()))) {
        case 'not-found':
          return notFound()
        case 'already-expired':
          return refusal(409, 'expired', '静默已经结束')
        case 'expired': {
          const silence = silences.get(id)
          return silence === undefined ? notFound() : done(await oneView(silence))
        }
      }
    },
    async confirm(id, actor) {
      const request = await waiting(id)
      if ('kind' in request) return request
      const now = deps.now()
      if (request.owner === actor) return refusal(403, 'second-person', '重保期内的静默须由另一人确认')
      if (request.endsAt <= now) return refusal(409, 'lapsed', '申请的静默时段已过')
      const known = request.changes === undefined ? undefined : silences.get(request.changes)
      // What it was to change has ended meanwhile: it becomes a silence of its own.
      const live = known !== undefined && silenceState(known, now) !== 'expired' ? known : undefined
      const begun = live !== undefined && silenceState(live, now) === 'active'
      const wanted: WantedSilence = { known: live, matchers: request.matchers, startsAt: begun ? live.startsAt : Math.max(request.startsAt, now), endsAt: request.endsAt, reason: request.reason }
      return set(wanted, request.owner, { id, by: actor })
    },
    async refuse(id, reason, actor) {
      const request = await waiting(id)
      if ('kind' in request) return request
      const now = deps.now()
      const decided = { at: now, by: actor, refusal: reason, silenceId: undefined }
      const written = await state.db.transaction().execute(async (trx) => {
        if (!(await decideRequest(trx, id, decided))) return false
        await appendAudit(trx, { at: now, actor, action: 'silence.refuse', object: id, detail: { reason, owner: request.owner } })
        return true
      })
      return written ? done(requestViewOf({ ...request, decided }, { alerts: firing(), spokenForBy, now })) : decidedAlready()
    },
    apiFault(request) {
      const now = deps.now()
      const known = request.id === undefined ? undefined : silences.get(request.id)
      const wanted: WantedSilence = { known, matchers: request.matchers, startsAt: Math.max(request.startsAt, known === undefined ? now : 0), endsAt: request.endsAt, reason: request.comment }
      if (request.endsAt - Math.min(wanted.startsAt, start(known)) > longestMs) return `a silence lasts at most ${longestMs / 86_400_000} days here, extensions included`
      if (request.startsAt < request.endsAt && needsSecond(wanted, now, (at, service) => deps.silenceNeedsSecond(at, service))) return 'a guard period is in force: a second person has to agree, so ask for this silence in the console'
      return undefined
    },
  }
}

interface World {
  readonly alerts: readonly RoutedAlert[]
  spokenForBy(alert: RoutedAlert): string | undefined
  readonly now: number
  readonly overruns: readonly Overrun[]
  readonly requests: readonly KeptRequest[]
}

function coveredBy(matchers: readonly SilenceMatcher[], { alerts, spokenForBy }: Pick<World, 'alerts' | 'spokenForBy'>): readonly RoutedAlert[] {
  const compiled = compileSilence(matchers)
  return eachOnce(alerts.filter((alert) => matchesAll(compiled, alert.routing)), spokenForBy)
}

/** Without the alerts whose incident's alert is there too: the two are one fault. */
function eachOnce(alerts: readonly RoutedAlert[], spokenForBy: World['spokenForBy']): readonly RoutedAlert[] {
  const there = new Set(alerts.map((alert) => alert.fingerprint))
  return alerts.filter((alert) => {
    const speaker = spokenForBy(alert)
    return speaker === undefined || speaker === alert.fingerprint || !there.has(speaker)
  })
}

function silenceViewOf(silence: Silence, world: World): SilenceView {
  const { alerts, now, overruns: found, requests } = world
  const covered = coveredBy(silence.matchers, world)
  const byFingerprint = new Map(alerts.map((alert) => [alert.fingerprint, alert]))
  const agreed = requests.filter((one) => one.decided?.silenceId === silence.id).at(-1)?.decided
  return {
    id: silence.id, state: silenceState(silence, now), matchers: silence.matchers, startsAt: silence.startsAt, endsAt: silence.endsAt, firstEndsAt: silence.firstEndsAt,
    owner: silence.createdBy, reason: silence.comment, createdAt: silence.createdAt, updatedAt: silence.updatedAt,
    covers: covered.slice(0, MOST_NAMED).map(alertBrief), coversCount: covered.length,
    overruns: found.filter((one) => one.silence.id === silence.id).map((one): OverrunView => {
      if (one.kind === 'extended') return { kind: 'extended', byMs: one.byMs }
      const known = eachOnce(one.fingerprints.flatMap((fingerprint) => byFingerprint.get(fingerprint) ?? []), (alert) => world.spokenForBy(alert))
      return { kind: 'still-firing', alerts: known.slice(0, MOST_NAMED).map(alertBrief), count: known.length }
    }),
    changes: null,
    second: agreed === undefined ? null : { by: agreed.by, at: agreed.at, refusal: null },
  }
}

function requestViewOf(request: KeptRequest, { alerts, spokenForBy, now }: Pick<World, 'alerts' | 'spokenForBy' | 'now'>): SilenceView {
  const covered = coveredBy(request.matchers, { alerts, spokenForBy })
  const { decided } = request
  const state: SilenceStanding = decided !== undefined ? 'refused' : request.endsAt <= now ? 'lapsed' : 'waiting'
  return {
    id: request.id, state, matchers: request.matchers, startsAt: request.startsAt, endsAt: request.endsAt, firstEndsAt: request.endsAt, owner: request.owner, reason: request.reason,
    createdAt: request.askedAt, updatedAt: decided?.at ?? request.askedAt, covers: covered.slice(0, MOST_NAMED).map(alertBrief), coversCount: covered.length, overruns: [],
    changes: request.changes ?? null,
    second: decided === undefined ? null : { by: decided.by, at: decided.at, refusal: decided.refusal },
  }
}

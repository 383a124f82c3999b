/** The room's shell: reads the clock and state.db, asks the pure files, stores what they decided with its audit entry. */
import { officeTime } from '../clock.ts'
import { appendAudit } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import { actsOn, refusal } from './acts.ts'
import type { ActDependencies, ActOutcome } from './acts.ts'
import { gapBetween, unseenTimes } from './blind.ts'
import type { Blind, BlindReason } from './blind.ts'
import { clockBreaches, exposure, exposureFor } from './exposure.ts'
import type { Breach, Exposure } from './exposure.ts'
import type { Decide, Fault } from './fault.ts'
import { MONTH_ORIGIN, WORK_COUNT, annotationBody, annotationHash, figuresOf, lateEntryBody, mayFreeze, monthBody, monthHash, verifyMonths } from './frozen-month.ts'
import type { Annotation, FrozenMonth, MonthVerdict } from './frozen-month.ts'
import { declareGuard, guardEventSchema, replayGuard, silenceNeedsSecond, stepGuard, tightening, zeroReminders, zeroReports } from './guard.ts'
import type { GuardEvent, GuardPeriod, ZeroReminder, ZeroReport } from './guard.ts'
import { guardSamples } from './guard-series.ts'
import { intersect, subtract, union } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { monthFigures, monthInputs, spanOfMonth } from './month.ts'
import type { MonthFigures, MonthInputs, PromisedService } from './month.ts'
import { receiveRequest, replayRequest, requestEventSchema, stepRequest } from './request.ts'
import type { RequestEvent, ServiceRequest } from './request.ts'
import { availabilitySamples } from './series.ts'
import type { WorkingDay } from './service-hours.ts'
import { addBlind, annotations, beginBlind, blindWithin, endBlind, eventsOf, eventsWithin, firstAlive, frozenMonth, frozenMonths, hashesInAudit, indexRequest, lastingBlind, lookedAt, newestAnnotation, newestFrozen, readAlive, requestsWithin, storeAnnotation, storeMonth, writeAlive, writeFirstAlive, writeLookedAt } from './storage.ts'
import type { Reader } from './storage.ts'
import type { ExposureTerms } from './terms.ts'
import { approvalSchema, planWindow, reachesFrozen, replayWindow, stepWindow, windowEventSchema } from './window.ts'
import type { Approval, MaintenanceWindow, WindowEvent } from './window.ts'
import { watchChanges } from './watched.ts'
import type { WatchedService } from './watched.ts'
import { workLine } from './work-log.ts'
import type { WorkLine } from './work-log.ts'
import { contractYearAt, dateAt, momentOf, monthAt, monthOf } from './zone-time.ts'

/** What the room needs from main.ts. */
export interface ServiceDependencies extends ActDependencies {
  /** First day of the contract, `2026-03-01`. */
  readonly contractStart: string
  readonly services: readonly PromisedService[]
  readonly workingDay: WorkingDay
  readonly decide: Decide
  /** Incidents that began in the span or were open in it. Called outside of transactions. */
  faults(span: Interval): Promise<readonly Fault[]>
  /** Service work done in the span that was entered in other rooms. Called outside of transactions. */
  worked(span: Interval): Promise<readonly WorkLine[]>
  /** undefined: the site has not given its terms. */
  readonly terms: ExposureTerms | undefined
  /** Two signs of life further apart than this were a blind stretch. */
  readonly aliveToleranceMs: number
}

/** A month: frozen with its corrections beside it, or as it stands now. */
export type MonthReport =
  | { readonly kind: 'frozen'; readonly month: FrozenMonth; readonly figures: Json; readonly annotations: readonly Annotation[] }
  | { readonly kind: 'running'; readonly inputs: MonthInputs; readonly figures: MonthFigures }

type Plan = Omit<Extract<WindowEvent, { type: 'planned' }>, 'type' | 'by'>
type Receipt = Omit<Extract<RequestEvent, { type: 'received' }>, 'type' | 'by'>
type Declaration = Omit<Extract<GuardEvent, { type: 'declared' }>, 'type' | 'by'>

/** The room. Every act names its actor, is refused in words, and is one transaction with its audit entry. */
export interface ServiceRoom {
  planWindow(plan: Plan, actor: string): Promise<ActOutcome<MaintenanceWindow>>
  approveWindow(id: string, approval: Approval, actor: string): Promise<ActOutcome<MaintenanceWindow>>
  shortenWindow(id: string, to: number, reason: string, actor: string): Promise<ActOutcome<MaintenanceWindow>>
  cancelWindow(id: string, effectiveAt: number, reason: string, actor: string): Promise<ActOutcome<MaintenanceWindow>>
  windows(): Promise<readonly MaintenanceWindow[]>

  receiveRequest(receipt: Receipt, actor: string): Promise<ActOutcome<ServiceRequest>>
  startRequest(id: string, person: string, actor: string): Promise<ActOutcome<ServiceRequest>>
  noteRequest(id: string, text: string, minutes: number, actor: string): Promise<ActOutcome<ServiceRequest>>
  finishRequest(id: string, text: string, minutes: number, actor: string): Promise<ActOutcome<ServiceRequest>>
  refuseRequest(id: string, reason: string, actor: string): Promise<ActOutcome<ServiceRequest>>
  /** Requests that were there at some moment of the span. */
  requests(span: Interval): Promise<readonly ServiceRequest[]>

  declareGuard(declaration: Declaration, actor: string): Promise<ActOutcome<GuardPeriod>>
  endGuard(id: string, reason: string, actor: string): Promise<ActOutcome<GuardPeriod>>
  fileZeroReport(id: string, dueAt: number, text: string, actor: string): Promise<ActOutcome<GuardPeriod>>
  guards(): readonly (GuardPeriod & { readonly reports: readonly ZeroReport[] })[]
  /** Late zero reports; their keys are the same every time, so an outbox sends each once. */
  reminders(): readonly ZeroReminder[]
  silenceNeedsSecond(at: number, service: string | undefined): boolean
  tightening(at: number, service: string): { readonly threshold: number; readonly step: number }
  /** Samples of `guardSeries` at this moment. */
  guardSamples(): ReturnType<typeof guardSamples>

  /** Leaves a sign of life; records what was blind since the last one. At the start, and then on a short beat. */
  alive(): Promise<void>
  beginBlind(why: BlindReason, service: string, object: string, from: number): Promise<void>
  endBlind(why: BlindReason, service: string, object: string, to: number): Promise<void>
  blind(span: Interval): Promise<readonly Blind[]>
  /** Begins and ends the stretches in which nothing is measured of a service; `services`: all that were promised. At the start, and then every minute or so. */
  watch(services: readonly WatchedService[]): Promise<void>

  month(month: string): Promise<ActOutcome<MonthReport>>
  /** The frozen months in their order, without what is in them. */
  frozen(): Promise<readonly Pick<FrozenMonth, 'month' | 'frozenAt' | 'actor' | 'hash'>[]>
  /** `forced`: why it cannot wait for its open incidents. */
  freezeMonth(month: string, forced: string | null, actor: string): Promise<ActOutcome<FrozenMonth>>
  annotateMonth(month: string, path: string, corrected: string | number | null, approval: Approval, reason: string, actor: string): Promise<ActOutcome<Annotation>>
  verifyMonths(): Promise<MonthVerdict>
  samples(): Promise<ReturnType<typeof availabilitySamples>>

  /** What was recorded here in the span, and the work that `worked` tells. Oldest first. */
  workLog(span: Interval): Promise<readonly WorkLine[]>
  /** In the transaction that writes down a piece of work: one of a month that is frozen becomes an annotation to it. */
  noteWork(trx: StateTransaction, line: WorkLine): Promise<void>
  /** The running contract year's exposure. That somebody looked is audited; the amounts are not. */
  exposure(permissions: ReadonlySet<string>, others: readonly Breach[], actor: string): Promise<{ readonly kind: 'shown'; readonly exposure: Exposure } | { readonly kind: 'forbidden' } | { readonly kind: 'no-terms' }>
}

/** Opens the room over state.db. */
export async function createServiceRoom(deps: ServiceDependencies): Promise<ServiceRoom> {
  const { state, clock, zone, wording, contractStart } = deps

  const frozenUntil = async (db: Reader): Promise<number> => {
    const newest = await newestFrozen(db)
    return newest === undefined ? -Infinity : monthOf(newest.month, zone).to
  }
  // A slip in a service's name would take out, guard or count nothing, and nobody would see it.
  const known = (services: readonly string[]): boolean => services.every((service) => deps.services.some((one) => one.service === service))
  const windows = actsOn<WindowEvent, MaintenanceWindow>(deps, {
    stream: 'window', schema: windowEventSchema, unknown: 'unknown-window',
    first: (id, event, now) => (event.type === 'planned' ? planWindow(id, event, now) : { kind: 'refused', code: 'unknown-window' }),
    next: stepWindow,
    replay: replayWindow,
    forbids: async (trx, value, event) => (event.type === 'planned' && !known(event.services) ? 'unknown-service' : reachesFrozen(value, event, await frozenUntil(trx)) ? 'month-frozen-already' : undefined),
  })
  const requests = actsOn<RequestEvent, ServiceRequest>(deps, {
    stream: 'request', schema: requestEventSchema, unknown: 'unknown-request',
    first: (id, event, now) => (event.type === 'received' ? receiveRequest(id, event, now) : { kind: 'refused', code: 'unknown-request' }),
    next: stepRequest,
    replay: replayRequest,
    forbids: async (_, __, event) => (event.type === 'received' && event.service !== '' && !known([event.service]) ? 'unknown-service' : undefined),
    fields: (value) => (value === undefined ? {} : { state: wording.request.state[value.state], person: value.person ?? '' }),
    stored: indexRequest,
  })
  const guards = actsOn<GuardEvent, GuardPeriod>(deps, {
    stream: 'guard', schema: guardEventSchema, unknown: 'unknown-guard',
    first: (id, event, now) => (event.type === 'declared' ? declareGuard(id, event, now) : { kind: 'refused', code: 'unknown-guard' }),
    next: (value, event, now) => stepGuard(value, event, now, zone),
    replay: (id, events) => replayGuard(id, events, zone),
    forbids: async (_, __, event) => (event.type === 'declared' && !known(event.services) ? 'unknown-service' : undefined),
    fields(value, event) {
      const filing = event.type === 'zero-report' ? value?.filed.find((one) => one.dueAt === event.dueAt) : undefined
      return filing === undefined ? {} : { by: filing.by, at: officeTime(filing.filedAt) }
    },
  })

  // Silences ask at once, so guard periods are kept in memory beside their rows.
  const periods = new Map((await guards.all(state.db)).map((period) => [period.id, period]))
  const keep = (outcome: ActOutcome<GuardPeriod>): ActOutcome<GuardPeriod> => {
    if (outcome.kind === 'done') periods.set(outcome.value.id, outcome.value)
    return outcome
  }

  async function requestsOf(span: Interval): Promise<readonly ServiceRequest[]> {
    const found: ServiceRequest[] = []
    for (const id of await requestsWithin(state.db, span)) found.push(replayRequest(id, await eventsOf(state.db, 'request', id, requestEventSchema)))
    return found
  }

  /** Blind stretches that reach into the span, with what lies before the first sign of life and behind the last one. */
  async function blindOf(span: Interval): Promise<readonly Blind[]> {
    const now = clock.now()
    const kept = await blindWithin(state.db, span)
    const [first, last] = [await firstAlive(state.db), await readAlive(state.db)]
    // Told once: what stretches of the whole site have already is not told again.
    const told = union(kept.filter((one) => one.service === '').map((one) => ({ from: one.from, to: one.to ?? now })))
    const unseen = subtract(intersect(unseenTimes(first, last, now, deps.aliveToleranceMs), [span]), told)
    return [...unseen.map(({ from, to }): Blind => ({ from, to, why: 'collector-down', service: '', object: '' })), ...kept].sort((a, b) => a.from - b.from)
  }

  /** The month as it stands at `now`, with the incidents it was read from. */
  async function reckon(month: string, now: number, work: readonly WorkLine[]): Promise<ReturnType<typeof monthInputs> & { readonly faults: readonly Fault[] }> {
    const span = spanOfMonth(month, contractStart, zone)
    const faults = await deps.faults(span)
    const sources = { zone, contractStart, services: deps.services, workingDay: deps.workingDay, decide: deps.decide, faults, windows: await windows.all(state.db), blind: await blindOf(span), requests: await requestsOf(monthOf(month, zone)), work }
    return { ...monthInputs(sources, month, now), faults }
  }

  async function freezeMonth(month: string, forced: string | null, actor: string): Promise<ActOutcome<FrozenMonth>> {
    const now = clock.now()
    if (now < monthOf(month, zone).to) return refusal(wording, 'month-not-over')
    const reckoned = await reckon(month, now, await workLog(monthOf(month, zone)))
    return state.db.transaction().execute(async (trx) => {
      if (await frozenMonth(trx, month) !== undefined) return refusal(wording, 'month-frozen-already')
      const newest = await newestFrozen(trx)
      const decision = mayFreeze(month, newest?.month, contractStart, reckoned.faults, forced, now, zone)
      if (decision.kind === 'refused') return refusal(wording, decision.code, decision.fields)
      if (reckoned.kind === 'calendar-missing') return refusal(wording, 'calendar-missing', { date: reckoned.date })
      const content = { seq: (newest?.seq ?? 0) + 1, month, frozenAt: now, actor, forced: decision.forced, body: monthBody(reckoned.inputs), previousHash: newest?.hash ?? MONTH_ORIGIN }
      const frozen = { ...content, hash: monthHash(content) }
      await storeMonth(trx, frozen)
      // The hash in the audit log is what a month that was cut off is missed by.
      await appendAudit(trx, { at: now, actor, action: 'month.freeze', object: month, detail: { hash: frozen.hash, forced: frozen.forced } })
      return { kind: 'done', value: frozen }
    })
  }

  async function workLog(span: Interval): Promise<readonly WorkLine[]> {
    const own = (await eventsWithin(state.db, span)).map((row) => workLine(row, wording, officeTime))
    return [...own, ...(await deps.worked(span))].sort((a, b) => a.at - b.at)
  }

  /** Chains an annotation to those before it, with its audit entry. */
  async function annotate(trx: StateTransaction, month: string, body: string, path: string, actor: string, now: number): Promise<Annotation> {
    const newest = await newestAnnotation(trx)
    const content = { seq: (newest?.seq ?? 0) + 1, month, at: now, actor, body, previousHash: newest?.hash ?? MONTH_ORIGIN }
    const annotation = { ...content, hash: annotationHash(content) }
    await storeAnnotation(trx, annotation)
    await appendAudit(trx, { at: now, actor, action: 'month.annotate', object: month, detail: { hash: annotation.hash, path } })
    return annotation
  }

  async function noteWork(trx: StateTransaction, line: WorkLine): Promise<void> {
    const month = monthAt(line.at, zone)
    const frozen = await frozenMonth(trx, month)
    const body = frozen === undefined ? undefined : lateEntryBody(frozen, await annotations(trx, month), line)
    if (body !== undefined) await annotate(trx, month, body, WORK_COUNT, line.by, clock.now())
  }

  function annotateMonth(month: string, path: string, corrected: string | number | null, given: Approval, reason: string, actor: string): Promise<ActOutcome<Annotation>> {
    return state.db.transaction().execute(async (trx) => {
      const now = clock.now()
      const approval = approvalSchema.safeParse(given)
      if (!approval.success || approval.data.name === actor) return refusal(wording, 'approver-missing')
      if (approval.data.at > now) return refusal(wording, 'approval-in-future')
      if (reason.trim() === '') return refusal(wording, 'text-missing')
      const frozen = await frozenMonth(trx, month)
      if (frozen === undefined) return refusal(wording, 'unknown-month')
      const body = annotationBody(frozen, path, corrected, approval.data, reason)
      if (body.kind === 'refused') return refusal(wording, body.code)
      return { kind: 'done', value: await annotate(trx, month, body.body, path, actor, now) }
    })
  }

  async function running(month: string, work: readonly WorkLine[]): Promise<ActOutcome<Extract<MonthReport, { kind: 'running' }>>> {
    const reckoned = await reckon(month, clock.now(), work)
    if (reckoned.kind === 'calendar-missing') return refusal(wording, 'calendar-missing', { date: reckoned.date })
    return { kind: 'done', value: { kind: 'running', inputs: reckoned.inputs, figures: monthFigures(reckoned.inputs) } }
  }

  return {
    planWindow: (plan, actor) => windows.begin({ type: 'planned', ...plan, by: actor }, actor, 'maintenance.plan'),
    approveWindow: (id, approval, actor) => windows.act(id, { type: 'approved', by: actor, approval }, actor, 'maintenance.approve'),
    shortenWindow: (id, to, reason, actor) => windows.act(id, { type: 'shortened', by: actor, to, reason }, actor, 'maintenance.shorten'),
    cancelWindow: (id, effectiveAt, reason, actor) => windows.act(id, { type: 'cancelled', by: actor, effectiveAt, reason }, actor, 'maintenance.cancel'),
    windows: () => windows.all(state.db),

    receiveRequest: (receipt, actor) => requests.begin({ type: 'received', ...receipt, by: actor }, actor, 'request.receive'),
    startRequest: (id, person, actor) => requests.act(id, { type: 'started', by: actor, person }, actor, 'request.start'),
    noteRequest: (id, text, minutes, actor) => requests.act(id, { type: 'noted', by: actor, text, minutes }, actor, 'request.note'),
    finishRequest: (id, text, minutes, actor) => requests.act(id, { type: 'finished', by: actor, text, minutes }, actor, 'request.finish'),
    refuseRequest: (id, reason, actor) => requests.act(id, { type: 'refused', by: actor, reason }, actor, 'request.refuse'),
    requests: requestsOf,

    declareGuard: async (declaration, actor) => keep(await guards.begin({ type: 'declared', ...declaration, by: actor }, actor, 'guard.declare')),
    endGuard: async (id, reason, actor) => keep(await guards.act(id, { type: 'ended', by: actor, reason }, actor, 'guard.end')),
    fileZeroReport: async (id, dueAt, text, actor) => keep(await guards.act(id, { type: 'zero-report', by: actor, dueAt, text }, actor, 'guard.zero-report')),
    guards: () => [...periods.values()].map((period) => ({ ...period, reports: zeroReports(period, period.filed, clock.now(), zone) })),
    reminders: () => zeroReminders([...periods.values()], clock.now(), zone),
    silenceNeedsSecond: (at, service) => silenceNeedsSecond([...periods.values()], at, service),
    tightening: (at, service) => tightening([...periods.values()], at, service),
    guardSamples: () => guardSamples([...periods.values()], clock.now(), deps.services.map(({ service }) => service)),

    alive: () =>
      state.db.transaction().execute(async (trx) => {
        const now = clock.now()
        const gap = gapBetween(await readAlive(trx), now, deps.aliveToleranceMs, momentOf(contractStart, '00:00', zone))
        if (gap !== undefined) await addBlind(trx, 'collector-down', '', '', gap)
        await writeFirstAlive(trx, (await firstAlive(trx)) ?? now)
        await writeAlive(trx, now)
      }),
    watch: (services) =>
      state.db.transaction().execute(async (trx) => {
        const now = clock.now()
        const looked = await lookedAt(trx)
        const { begin, end } = watchChanges(services, await lastingBlind(trx), looked, momentOf(contractStart, '00:00', zone), now)
        for (const one of begin) await beginBlind(trx, one.why, one.service, one.object, one.from)
        for (const one of end) await endBlind(trx, one.why, one.service, one.object, now)
        const known = new Set([...looked, ...services.map((one) => one.service)])
        if (known.size > looked.size) await writeLookedAt(trx, known)
      }),
    beginBlind: (why, service, object, from) => state.db.transaction().execute((trx) => beginBlind(trx, why, service, object, from)),
    endBlind: (why, service, object, to) => state.db.transaction().execute((trx) => endBlind(trx, why, service, object, to)),
    blind: blindOf,

    async month(month) {
      const frozen = await frozenMonth(state.db, month)
      if (frozen !== undefined) return { kind: 'done', value: { kind: 'frozen', month: frozen, figures: figuresOf(frozen), annotations: await annotations(state.db, month) } }
      return running(month, await workLog(monthOf(month, zone)))
    },
    frozen: async () => (await frozenMonths(state.db)).map(({ month, frozenAt, actor, hash }) => ({ month, frozenAt, actor, hash })),
    freezeMonth,
    annotateMonth,
    verifyMonths: () =>
      // One transaction, so that months, annotations and audit are of the same moment.
      state.db.transaction().execute(async (trx) => verifyMonths(await frozenMonths(trx), await annotations(trx), await hashesInAudit(trx))),
    async samples() {
      const now = clock.now()
      const report = await running(monthAt(now, zone), [])
      // A calendar that is missing is told on the console; a ratio that nobody can reckon has no sample.
      return report.kind === 'done' ? availabilitySamples(report.value.figures, dateAt(now, zone)) : []
    },

    workLog,
    noteWork,
    async exposure(permissions, others, actor) {
      const { terms } = deps
      if (terms === undefined) return { kind: 'no-terms' }
      const now = clock.now()
      const year = contractYearAt(now, contractStart, zone)
      const faults = await deps.faults({ from: year.from, to: now })
      const shown = exposureFor(permissions, () => exposure(terms, [...clockBreaches(faults, now), ...others], now, wording))
      if (shown.kind === 'shown') await state.db.transaction().execute(async (trx) => void (await appendAudit(trx, { at: now, actor, action: 'exposure.read', object: `year-${year.number}`, detail: {} })))
      return shown
    },
  }
}

/**
 * Duty beside the faults: gaps of the rosters as alerts, clocks that run out told along the chain, late reports, and what
 * people answer to an SMS. Carries each room's outcome to the next; nothing is decided here.
 */
import type { Clock } from '../clock.ts'
import { answerSms, lookAtSms } from '../duty/acknowledge.ts'
import type { AckRefusal, AckResult, SmsAnswer } from '../duty/acknowledge.ts'
import { noteReply, seenReply } from '../duty/ack-storage.ts'
import { plainNumber } from '../duty/reply-code.ts'
import type { Duty } from '../duty/run.ts'
import { recordTold } from '../duty/storage.ts'
import { stepText } from '../duty/wording.ts'
import type { Incident } from '../incidents/incident.ts'
import type { Incidents } from '../incidents/run.ts'
import type { Wording } from '../incidents/wording.ts'
import type { Log } from '../log.ts'
import { errorText } from '../log.ts'
import type { Channel } from '../notify/channel.ts'
import { tellEscalation, waysTo } from '../notify/escalate.ts'
import type { ChannelKinds, EscalateDependencies } from '../notify/escalate.ts'
import { fingerprintOf } from '../notify/label-set.ts'
import type { Outbox } from '../notify/outbox.ts'
import type { AlertReport } from '../notify/routed-alert.ts'
import type { Dispatch } from '../notify/run-dispatch.ts'
import type { ServiceRoom } from '../service/run.ts'
import type { State } from '../state/open.ts'

/** How often escalations are looked for. */
const ESCALATE_MS = 1_000
/** How often rosters and late reports are looked at. */
const WATCH_MS = 60_000
/** How often SMS gateways are asked for answers. */
const REPLIES_MS = 20_000
const DAY_MS = 86_400_000
/** How long the console shows that answers were not understood, and most that are remembered. */
const UNCLEAR_MS = 3_600_000
const MOST_UNCLEAR = 1_000

export interface DutyWatchDependencies {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly duty: Duty
  readonly incidents: Incidents
  readonly wording: Wording
  readonly channels: readonly Channel[]
  readonly kinds: ChannelKinds
  readonly outbox: Pick<Outbox, 'enqueue' | 'wake'>
  readonly generatorUrl: string
  ack: EscalateDependencies['ack']
  dispatch(): Pick<Dispatch, 'put' | 'resolve'>
  service(): Pick<ServiceRoom, 'tightening' | 'reminders'>
  /** Counts an answer that was not taken, by the reason. */
  refused(channel: string, why: string): void
  /** Whether there was a way to these people. */
  told(whom: string, reached: boolean): void
}

/** What came of an answer. `repeated`: it was taken before, by its id. */
export type AnswerOutcome = 'acknowledged' | 'refused' | 'repeated'

export interface DutyWatch {
  /** What is wrong with the rosters now, as alerts. */
  rosterReports(now: number): readonly AlertReport[]
  /** The incident has changed: its escalation is asked for anew. */
  incidentChanged(incident: Pick<Incident, 'number'>): void
  /** Another escalation or roster is in force: every clock is asked for anew. */
  filesChanged(): void
  /** Somebody answered an SMS of that channel, read from the gateway or told by it. */
  answered(channel: string, answer: SmsAnswer): Promise<AnswerOutcome>
  /** Whether somebody at that number sent an answer that was not understood since they were last told so; forgets it. */
  misunderstood(phone: string): boolean
  /** How many answers within the last hour were not understood. */
  misunderstoodLately(now: number): number
  /** Whether the report of that reminder is still late. */
  reportLate(key: string): boolean
  /** Starts the watch; the functions returned end it. */
  start(): readonly (() => void)[]
}

/** Opens the watch; nothing runs before `start`. */
export function createDutyWatch(deps: DutyWatchDependencies): DutyWatch {
  const { state, clock, log, duty, incidents, outbox, kinds, wording } = deps
  const nextEscalation = new Map<string, number>()
  let rosterFaults: readonly string[] = []
  /** Numbers that are to be told that their answer was not understood. */
  const toTell = new Set<string>()
  let unclear: readonly number[] = []

  function noteRefused(channel: string, phone: string, why: AckRefusal['why'], now: number): void {
    deps.refused(channel, why)
    if (why !== 'no-code' && why !== 'wrong-code') return
    unclear = [...unclear.filter((at) => now - at < UNCLEAR_MS), now].slice(-MOST_UNCLEAR)
    if (toTell.size < MOST_UNCLEAR) toTell.add(plainNumber(phone))
  }

  function rosterReports(now: number): readonly AlertReport[] {
    const reports = duty.faults().map(({ key, kind, severity, text }): AlertReport => {
      const labels = { alertname: 'DutyRoster', fault: `duty-${kind}`, severity, roster: key }
      return { fingerprint: fingerprintOf(labels), labels, annotations: { summary: text }, startsAt: now, endsAt: undefined, updatedAt: now, timeout: false, generatorUrl: deps.generatorUrl, origin: 'rules' }
    })
    rosterFaults = reports.map((report) => report.fingerprint)
    return reports
  }

  async function watchRosters(): Promise<void> {
    const before = rosterFaults
    const known = new Set(before)
    const reports = rosterReports(clock.now())
    await deps.dispatch().put(reports.filter((report) => !known.has(report.fingerprint)))
    await deps.dispatch().resolve(before.filter((one) => !rosterFaults.includes(one)))
    await remindOfReports()
  }

  async function escalate(): Promise<void> {
    const now = clock.now()
    const live = new Map(incidents.live().map((incident) => [incident.number, incident]))
    let told = false
    for (const clocks of incidents.clocks(now)) {
      if ((nextEscalation.get(clocks.number) ?? 0) > now) continue
      // What is gone by is at most a beat old: in a storm the rest is looked at with the next one.
      if (clock.now() - now >= ESCALATE_MS) break
      const incident = live.get(clocks.number)
      if (incident === undefined) continue
      const factor = deps.service().tightening(now, clocks.service).step
      const nextDueAt = await state.db.transaction().execute(async (trx) => {
        const answer = await duty.escalation(trx, { number: clocks.number, clocks: clocks.clocks, factor, profile: clocks.profile, severity: clocks.severity })
        if (answer.due === undefined || !(await recordTold(trx, answer.due, now))) return answer.nextDueAt
        const { people } = duty.recipients(answer.due.to)
        const lines = answer.due.steps.map((step) => stepText(duty.context().wording, step))
        const queued = await tellEscalation({ channels: kinds, enqueue: outbox.enqueue, ack: deps.ack }, answer.due, people, { what: wording.message.what.escalation, lines }, incident, trx, now)
        deps.told(answer.due.to.join(' '), queued > 0)
        told = true
        return answer.nextDueAt
      })
      nextEscalation.set(clocks.number, nextDueAt ?? Infinity)
    }
    // Once for all: whoever is woken asks for everything that waits.
    if (told) outbox.wake()
  }

  async function remindOfReports(): Promise<void> {
    const late = deps.service().reminders()
    if (late.length === 0) return
    const now = clock.now()
    const { people } = duty.recipients(['on-call', 'on-site-lead', 'project-manager'])
    await state.db.transaction().execute(async (trx) => {
      for (const { key, title } of late) {
        for (const way of waysTo(people, { channels: [], everyWay: true }, kinds)) {
          const payload = { kind: 'plain', what: wording.message.what['zero-report'], severity: 'warning', service: '', number: '', title, lines: [], incident: null, ack: null, about: { kind: 'report', key } } as const
          await outbox.enqueue(trx, { channel: way.channel, receiver: way.person?.name ?? way.channel, to: way.to, dedupKey: `${key}/${way.channel}/${way.to.join(',')}`, incidentId: undefined, payload }, now)
        }
      }
    })
    outbox.wake()
  }

  async function askForReplies(): Promise<void> {
    for (const channel of deps.channels) {
      if (channel.replies === undefined) continue
      for (const { phone, text } of await channel.replies(AbortSignal.timeout(REPLIES_MS))) {
        // One that cannot be written must not lose those behind it: the gateway forgets what it has given.
        await answered(channel.name, { phone, text, id: undefined }).catch((error: unknown) => log.error('an answered message could not be taken', { channel: channel.name, error: errorText(error) }))
      }
    }
  }

  /** Use of the code, note of the answer and response of the incident are one transaction: an answer that is sent again finds all or nothing. */
  async function answered(channel: string, answer: SmsAnswer): Promise<AnswerOutcome> {
    const now = clock.now()
    const looked = await state.db.transaction().execute(async (trx): Promise<AckResult | 'repeated'> => {
      if (await seenReply(trx, channel, answer, now)) return 'repeated'
      const found = await lookAtSms(trx, duty.context(), answer, now)
      if (found.kind === 'acknowledged') return found
      await noteReply(trx, channel, answer, now)
      return answerSms(trx, duty.context(), answer.phone, answer.text, now)
    })
    if (looked === 'repeated') return 'repeated'
    if (looked.kind === 'refused') {
      noteRefused(channel, answer.phone, looked.why, now)
      log.warn('an answered message was not taken as an acknowledgement', { channel, why: looked.why })
      return 'refused'
    }
    const { incident, name, person } = looked.acknowledgement
    const taken = await incidents.acknowledge(incident, name, person === undefined ? 'sms-reply' : { kind: 'sms-reply', person }, {
      // Looked at again where it counts: the same answer may have come twice at once.
      async check(trx) {
        const again = (await seenReply(trx, channel, answer, now)) ? undefined : await lookAtSms(trx, duty.context(), answer, now)
        return again?.kind === 'acknowledged' ? undefined : { kind: 'refused', status: 409, code: 'answer-used', message: again?.text ?? '' }
      },
      async write(trx) {
        await noteReply(trx, channel, answer, now)
        await answerSms(trx, duty.context(), answer.phone, answer.text, now)
      },
    })
    if (taken.kind !== 'refused') return 'acknowledged'
    if (taken.code === 'answer-used') return 'repeated'
    // The incident has no use for it any more, and the answer has been given all the same.
    await state.db.transaction().execute(async (trx) => {
      await noteReply(trx, channel, answer, now)
      await answerSms(trx, duty.context(), answer.phone, answer.text, now)
    })
    log.warn('an answered message came too late', { incident, code: taken.code })
    return 'refused'
  }

  return {
    rosterReports,
    incidentChanged: ({ number }) => void nextEscalation.delete(number),
    filesChanged: () => nextEscalation.clear(),
    answered,
    misunderstood: (phone) => toTell.delete(plainNumber(phone)),
    misunderstoodLately: (now) => unclear.filter((at) => now - at < UNCLEAR_MS).length,
    reportLate: (key) => deps.service().reminders().some((one) => one.key === key),
    start: () => [
      clock.every(WATCH_MS, 'duty.watch', watchRosters),
      clock.every(DAY_MS, 'duty.tidy', () => duty.tidy()),
      clock.every(ESCALATE_MS, 'duty.escalate', escalate),
      clock.every(REPLIES_MS, 'notify.replies', askForReplies),
    ],
  }
}

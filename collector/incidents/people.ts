/**
 * What people do to the room: each act is one transaction of event, projection and audit row. An act that is refused
 * leaves nothing behind.
 */
import { findPerson, mayBeSame, whoIs } from '../access/known-people.ts'
import type { KnownPerson, Who } from '../access/known-people.ts'
import { incidentSubject } from '../correlate/key.ts'
import type { Severity } from '../../protocol/events.ts'
import { appendAudit } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import { checkAttachment, nextAttachmentId, storeAttachment } from './attachment.ts'
import type { NewAttachment } from './attachment.ts'
import type { AckSource, Attachment, EventOf, LiveEvent } from './event.ts'
import { createHidingBook } from './hiding.ts'
import { isRunning, worst } from './incident.ts'
import type { Incident } from './incident.ts'
import type { Outcome } from './outcome.ts'
import { profileFor } from './profile.ts'
import type { SlaProfiles } from './profile.ts'
import { refusalOf } from './refusal.ts'
import type { ActOutcome, ActRefused } from './refusal.ts'
import { step } from './step.ts'
import { incidentByNumber } from './storage.ts'
import type { Reader } from './storage.ts'
import type { Unit } from './unit.ts'
import { storeWork } from './work-log.ts'
import type { WorkEntry, WorkLogged } from './work-log.ts'
import type { Wording } from './wording.ts'

/** A fault that a person told of. */
export interface HandReport {
  readonly reporter: string
  /** How to reach the reporter; '' where unknown. */
  readonly contact: string
  readonly channel: EventOf<'open-by-hand'>['report']['channel']
  /** When it was reported, epoch ms: the start of the clocks. */
  readonly reportedAt: number
  readonly service: string
  /** What it is about, '' where nobody knows yet. */
  readonly instance: string
  /** Fault class, '' where nobody knows yet. With an instance it joins what the telemetry says of the same. */
  readonly fault: string
  readonly severity: Severity
  readonly title: string
  readonly description: string
  /** Name of the SLA profile; left out: by the rules of sla.yml. */
  readonly profile?: string
}

/** How a response came in; who wrote it down is the actor. */
export type AckBy =
  | Exclude<AckSource, { kind: 'phone' }>['kind']
  /** `person`: the id in the duty file of whoever answered from outside of a session. */
  | { readonly kind: 'link' | 'sms-reply'; readonly person: string }
  /** `calledBy`: a word that findPerson knows. */
  | { readonly kind: 'phone'; readonly calledBy: string; readonly at?: number }

/** What goes along with a response in its transaction, such as the use of a link: `check` may refuse it, `write` follows only what was taken. */
export interface Alongside {
  check(trx: StateTransaction): Promise<ActRefused | undefined>
  write(trx: StateTransaction): Promise<void>
}

/** Acts of people. Numbers are those people see, F20261122-001. */
export interface People {
  acknowledge(number: string, actor: string, source: AckBy, alongside?: Alongside): Promise<ActOutcome>
  dispose(number: string, actor: string, text: string, snapshot: Json): Promise<ActOutcome>
  comment(number: string, actor: string, text: string): Promise<ActOutcome>
  close(number: string, actor: string, text: string): Promise<ActOutcome>
  assign(number: string, actor: string, to: string): Promise<ActOutcome>
  unassign(number: string, actor: string): Promise<ActOutcome>
  setSeverity(number: string, actor: string, severity: Severity, reason: string): Promise<ActOutcome>
  rootCause(number: string, actor: string, category: EventOf<'root-cause'>['category'], text: string): Promise<ActOutcome>
  /** Answers the number of the new incident. */
  openByHand(actor: string, report: HandReport): Promise<ActOutcome<string>>
  /** Only for faults without telemetry; `at`: when it was over. It counts when a second person has confirmed; `confirmedBy`: who is asked to. */
  reportRecovery(number: string, actor: string, text: string, confirmedBy: string, at: number): Promise<ActOutcome>
  /** By another human being than who claimed it. `person`: the id in the duty file of whoever confirms by a signed link; left out: the account `actor`. */
  confirmRecovery(number: string, actor: string, person?: string, alongside?: Alongside): Promise<ActOutcome>
  /** Says that it is not over, or takes back one's own claim. */
  refuseRecovery(number: string, actor: string, text: string): Promise<ActOutcome>
  reopen(number: string, actor: string, text: string): Promise<ActOutcome>
  /** Two numbers for one fault: `number` goes into `into`. */
  merge(number: string, into: string, actor: string, reason: string): Promise<ActOutcome>
  /** Some alerts are another fault. Answers its number. */
  split(number: string, fingerprints: readonly string[], actor: string, reason: string): Promise<ActOutcome<string>>
  attach(number: string, actor: string, file: NewAttachment): Promise<ActOutcome<Attachment>>
  /** A work log entry, on an incident or by itself. Answers its id. */
  logWork(actor: string, entry: WorkEntry, number?: string): Promise<ActOutcome<number>>
}

export interface PeopleDependencies {
  readonly profiles: SlaProfiles
  readonly wording: Wording
  run<T>(work: (unit: Unit) => Promise<T>): Promise<T>
  /** Since when an alert of the incident is pending again; undefined: none is. */
  pendingSince(unit: Unit, incident: Incident): number | undefined
  /** Services that stand on a machine. */
  standingOn(instance: string): readonly string[]
  /** Everybody who may be named. */
  known(db: Reader): Promise<readonly KnownPerson[]>
  /** Told of each entry of the work log, inside its transaction. */
  worked?: ((trx: StateTransaction, entry: WorkLogged) => Promise<void>) | undefined
}

const done: ActOutcome = { kind: 'done', value: undefined }

export function createPeople({ profiles, wording, run, pendingSince, standingOn, known, worked }: PeopleDependencies): People {
  const refuse = (why: Parameters<typeof refusalOf>[0]): ActRefused => refusalOf(why, wording)
  const audit = (unit: Unit, actor: string, action: string, object: string, detail: Json): Promise<unknown> => appendAudit(unit.trx, { at: unit.now, actor, action: `incident.${action}`, object, detail })

  /** One event on one incident; `make` may refuse for reasons beyond the incident. */
  function act(number: string, actor: string, action: string, make: LiveEvent | ((unit: Unit, incident: Incident) => Promise<LiveEvent | ActRefused>), detailOf: (event: LiveEvent) => Json, alongside?: Alongside): Promise<ActOutcome> {
    return run(async (unit): Promise<ActOutcome> => {
      const incident = await incidentByNumber(unit.trx, number)
      if (incident === undefined) return refuse({ code: 'unknown-incident' })
      const event = typeof make === 'function' ? await make(unit, incident) : make
      if (!('type' in event)) return event
      const also = await alongside?.check(unit.trx)
      if (also !== undefined) return also
      const outcome: Outcome = unit.step(incident, event)
      if (outcome.kind === 'refused') return refuse(outcome.refusal)
      if (outcome.kind === 'stepped') {
        await audit(unit, actor, action, number, detailOf(event))
        await alongside?.write(unit.trx)
      }
      return done
    })
  }

  /** Somebody whom an account names for something: both must be known (SPEC.md 26). */
  async function named(unit: Unit, actor: string, word: string): Promise<{ readonly name: string; readonly who: Who; readonly same: boolean } | ActRefused> {
    const people = await known(unit.trx)
    if (!people.some((one) => one.accounts.includes(actor))) return refuse({ code: 'unknown-actor' })
    const found = findPerson(word.trim(), people)
    if (found.kind === 'unknown') return refuse({ code: 'unknown-person', name: word.trim(), near: found.near })
    return { name: found.person.name, who: whoIs(found.person), same: mayBeSame(found.person, actor) }
  }

  /** What a response came by, and who it was where that is another one than the actor. */
  async function sourceOf(unit: Unit, actor: string, source: AckBy): Promise<AckSource | ActRefused> {
    if (typeof source === 'string') return source === 'other' ? { kind: 'other', name: source } : { kind: source }
    if (source.kind !== 'phone') return { kind: source.kind, who: { kind: 'person', id: source.person } }
    const caller = await named(unit, actor, source.calledBy)
    if ('kind' in caller) return caller
    if (caller.same) return refuse({ code: 'caller-is-writer' })
    return { kind: 'phone', calledBy: caller.name, namedBy: actor, ...(source.at === undefined ? {} : { at: source.at }), who: caller.who }
  }

  return {
    acknowledge: (number, actor, source, alongside) =>
      act(
        number, actor, 'acknowledge',
        async (unit) => {
          const from = await sourceOf(unit, actor, source)
          return from.kind === 'refused' ? from : { type: 'acknowledge', by: actor, source: from }
        },
        (event) => ({ source: event.type === 'acknowledge' ? event.source : null }),
        alongside,
      ),
    dispose: (number, actor, text, snapshot) => act(number, actor, 'dispose', { type: 'dispose', by: actor, text, snapshot }, () => ({ text })),
    comment: (number, actor, text) => act(number, actor, 'comment', { type: 'comment', by: actor, text }, () => ({ text })),
    close: (number, actor, text) =>
      act(number, actor, 'close', async (unit, incident) => {
        const since = pendingSince(unit, incident)
        return { type: 'close', by: actor, text, ...(since === undefined ? {} : { pendingSince: since }) }
      }, () => ({ text })),
    assign: (number, actor, to) =>
      act(number, actor, 'assign', async (unit) => {
        const person = await named(unit, actor, to)
        return 'kind' in person ? person : { type: 'assign', by: actor, to: person.name, who: person.who }
      }, (event) => (event.type === 'assign' ? { to: event.to, ...(event.who === undefined ? {} : { who: { ...event.who } }) } : {})),
    unassign: (number, actor) => act(number, actor, 'unassign', { type: 'unassign', by: actor }, () => ({})),
    setSeverity: (number, actor, severity, reason) => act(number, actor, 'severity', { type: 'set-severity', by: actor, severity, reason }, () => ({ severity, reason })),
    rootCause: (number, actor, category, text) => act(number, actor, 'root-cause', { type: 'root-cause', by: actor, category, text }, () => ({ category, text })),
    reportRecovery: (number, actor, text, confirmedBy, at) =>
      act(number, actor, 'claim-recovery', async (unit) => {
        const second = await named(unit, actor, confirmedBy)
        if ('kind' in second) return second
        return second.same ? refuse({ code: 'confirmation-missing' }) : { type: 'claim-recovery', by: actor, text, confirmedBy: second.name, who: second.who, at }
      }, (event) => ({ text, confirmedBy: event.type === 'claim-recovery' ? event.confirmedBy : confirmedBy, at })),
    confirmRecovery: (number, actor, person, alongside) =>
      act(number, actor, 'confirm-recovery', async (unit, incident) => {
        const people = await known(unit.trx)
        const me = people.find((one) => (person === undefined ? one.accounts.includes(actor) : one.person === person))
        if (me === undefined) return refuse({ code: 'unknown-actor' })
        const claimant = incident.claim?.by
        const theirs = people.find((one) => claimant !== undefined && one.accounts.includes(claimant))
        if (claimant !== undefined && (me === theirs || mayBeSame(me, claimant) || (theirs !== undefined && mayBeSame(theirs, actor)))) return refuse({ code: 'confirmation-missing' })
        return { type: 'confirm-recovery', by: actor, who: whoIs(me), source: person === undefined ? 'console' : 'link' }
      }, (event) => (event.type === 'confirm-recovery' ? { source: event.source, ...(event.who === undefined ? {} : { who: { ...event.who } }) } : {}), alongside),
    refuseRecovery: (number, actor, text) => act(number, actor, 'refuse-recovery', { type: 'refuse-recovery', by: actor, text }, () => ({ text })),
    reopen: (number, actor, text) =>
      act(number, actor, 'reopen', async (unit, incident) => {
        const other = unit.draft.byKey(incident.key)
        return other === undefined || other.id === incident.id ? { type: 'reopen', by: actor, text } : refuse({ code: 'exists-already', number: other.number })
      }, () => ({ text })),
    openByHand: (actor, report) =>
      run(async (unit): Promise<ActOutcome<string>> => {
        const [title, reporter] = [report.title.trim(), report.reporter.trim()]
        if (title === '' || reporter === '') return refuse({ code: 'text-missing' })
        if (report.reportedAt > unit.now) return refuse({ code: 'time-wrong' })
        // A fault of a machine that the service stands on is the machine's: so it joins what the telemetry says of it.
        const standing = standingOn(report.instance)
        const subject = standing.includes(report.service) ? { ...incidentSubject({ instance: report.instance, fault: report.fault }, undefined, standing), service: report.service } : incidentSubject({ system: report.service, instance: report.instance, fault: report.fault }, undefined, standing)
        const running = report.instance === '' || report.fault === '' ? undefined : unit.draft.byKey(subject.key)
        if (running !== undefined && isRunning(running)) return refuse({ code: 'exists-already', number: running.number })
        const profile = profileFor(profiles, { services: [subject.service], severity: report.severity, fault: report.fault, named: report.profile ?? '' }) ?? profiles.fallback
        const opened = await unit.open((id, number) => ({
          type: 'open-by-hand', id, number, ...subject,
          // Where the telemetry cannot speak of the same thing, or says that it is well, the report stands for itself.
          key: report.instance === '' || report.fault === '' || running !== undefined ? JSON.stringify(['hand', id]) : subject.key,
          profile, severity: report.severity, title, by: actor,
          report: { reporter, contact: report.contact.trim(), channel: report.channel, at: report.reportedAt, description: report.description.trim() },
        }))
        await audit(unit, actor, 'open', opened.number, { reporter, channel: report.channel, reportedAt: report.reportedAt, title })
        return { kind: 'done', value: opened.number }
      }),
    merge: (number, into, actor, reason) =>
      run(async (unit): Promise<ActOutcome> => {
        const [from, to] = [await incidentByNumber(unit.trx, number), await incidentByNumber(unit.trx, into)]
        if (from === undefined || to === undefined) return refuse({ code: 'unknown-incident' })
        const gone = { type: 'merged', by: actor, reason, into: to.id, number: to.number } as const
        const { startedAt, severity, alerts, response, disposals } = from
        const taken = { type: 'merge', by: actor, reason, number: from.number, startedAt, severity, running: isRunning(from), alerts, response, disposals } as const
        for (const outcome of [step(from, gone, unit.now), step(to, taken, unit.now)]) if (outcome.kind === 'refused') return refuse(outcome.refusal)
        const book = createHidingBook(unit)
        unit.step(from, gone)
        unit.step(to, taken)
        if (from.hides.count > 0) for (const hidden of unit.draft.hiddenAlerts()) if (hidden.incidentId === from.id) book.move(hidden, to.id)
        await book.write()
        await audit(unit, actor, 'merge', number, { into, reason })
        return done
      }),
    split: (number, fingerprints, actor, reason) =>
      run(async (unit): Promise<ActOutcome<string>> => {
        const from = await incidentByNumber(unit.trx, number)
        if (from === undefined) return refuse({ code: 'unknown-incident' })
        const alerts = from.alerts.filter((one) => fingerprints.includes(one.fingerprint))
        const [first] = alerts
        const leaving = (to: string): EventOf<'split-off'> => ({ type: 'split-off', by: actor, reason, fingerprints: [...new Set(fingerprints)], number: to })
        const tried = step(from, leaving(''), unit.now)
        if (tried.kind === 'refused' || first === undefined) return refuse(tried.kind === 'refused' ? tried.refusal : { code: 'wrong-choice' })
        const severity = alerts.map((one) => one.severity).reduce(worst)
        const subject = incidentSubject(first.labels, undefined, standingOn(first.labels['instance'] ?? ''))
        const profile = profileFor(profiles, { services: [subject.service], severity, fault: subject.fault, named: first.labels['sla'] ?? '' }) ?? from.profile
        const taken = unit.draft.byKey(subject.key) !== undefined
        const opened = await unit.open((id, fresh) => ({
          type: 'open-by-split', id, number: fresh, ...subject, key: taken ? JSON.stringify([subject.key, 'split', id]) : subject.key, profile,
          by: actor, reason: reason.trim(), from: from.number, alerts, response: from.response,
        }))
        unit.step(from, leaving(opened.number))
        await audit(unit, actor, 'split', number, { into: opened.number, fingerprints: [...fingerprints], reason })
        return { kind: 'done', value: opened.number }
      }),
    attach: (number, actor, file) =>
      run(async (unit): Promise<ActOutcome<Attachment>> => {
        const incident = await incidentByNumber(unit.trx, number)
        if (incident === undefined) return refuse({ code: 'unknown-incident' })
        const checked = checkAttachment(file)
        if (checked.kind === 'refused') return refuse({ code: checked.code })
        const attachment: Attachment = { id: await nextAttachmentId(unit.trx), ...checked.file }
        const outcome = unit.step(incident, { type: 'attach', by: actor, attachment })
        if (outcome.kind === 'refused') return refuse(outcome.refusal)
        await storeAttachment(unit.trx, incident.id, attachment, file.bytes, actor, unit.now)
        await audit(unit, actor, 'attach', number, { name: attachment.name, sha256: attachment.sha256, sizeBytes: attachment.sizeBytes })
        return { kind: 'done', value: attachment }
      }),
    logWork: (actor, entry, number) =>
      run(async (unit): Promise<ActOutcome<number>> => {
        if (entry.text.trim() === '') return refuse({ code: 'text-missing' })
        if (entry.workedAt > unit.now) return refuse({ code: 'time-wrong' })
        const incident = number === undefined ? undefined : await incidentByNumber(unit.trx, number)
        if (number !== undefined && incident === undefined) return refuse({ code: 'unknown-incident' })
        if (incident?.state === 'merged') return refuse({ code: 'merged', number: incident.mergedInto?.number ?? '' })
        const id = await storeWork(unit.trx, entry, incident?.id ?? null, actor, unit.now)
        const { kind, text, minutes, workedAt } = entry
        if (incident !== undefined) unit.step(incident, { type: 'work', by: actor, id, kind, text, minutes, workedAt })
        await audit(unit, actor, 'work', number ?? '-', { id, kind, minutes, workedAt })
        await worked?.(unit.trx, { ...entry, id, incident: incident?.number ?? null, recordedAt: unit.now, by: actor })
        return { kind: 'done', value: id }
      }),
  }
}

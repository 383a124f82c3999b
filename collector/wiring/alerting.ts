/**
 * Opens the rooms between a sample and a message, in their order: rules → correlate and incidents → routing → outbox, with
 * duty and the service books beside them, and carries each room's outcomes to the next. Nothing is decided here.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AlertFiles } from '../alert-files.ts'
import { OFFICE_ZONE } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { CollectorSettings } from '../config.ts'
import type { Counters } from '../counters.ts'
import { replyCode } from '../duty/ack-storage.ts'
import { answerSms, issueLink } from '../duty/acknowledge.ts'
import { workday } from '../duty/calendar.ts'
import { parseDate } from '../duty/local-time.ts'
import { openDuty } from '../duty/run.ts'
import type { Duty } from '../duty/run.ts'
import { recordTold } from '../duty/storage.ts'
import { emptyText, stepText } from '../duty/wording.ts'
import { serviceIds, servicesOn } from '../correlate/topology.ts'
import { isRunning } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { createIncidents } from '../incidents/run.ts'
import type { Incidents } from '../incidents/run.ts'
import { eventMarks, incidentByNumber, incidentsWithin } from '../incidents/storage.ts'
import type { SeriesValue } from '../incidents/series.ts'
import type { Log } from '../log.ts'
import { errorText } from '../log.ts'
import { reportOfAlert, reportOfChange } from '../notify/alert-source.ts'
import { addressOf } from '../notify/channel-settings.ts'
import type { Channel } from '../notify/channel.ts'
import { deliver } from '../notify/deliver.ts'
import type { DeliverDependencies, Way } from '../notify/deliver.ts'
import { tellEscalation, waysTo } from '../notify/escalate.ts'
import { openEndpoint, startExternalAlertmanagers } from '../notify/external-alertmanager.ts'
import { createNotifyDesk } from '../notify/desk.ts'
import type { NotifyDesk } from '../notify/desk.ts'
import { createSpeakers } from '../notify/incident-alert.ts'
import { restoreSpeakers } from '../notify/restore-speakers.ts'
import { fingerprintOf } from '../notify/label-set.ts'
import type { AckWays } from '../notify/notice.ts'
import { createOutbox } from '../notify/outbox.ts'
import type { Outbox } from '../notify/outbox.ts'
import { openChannels, openWebhookAt } from '../notify/registry.ts'
import { createRenderer } from '../notify/render.ts'
import type { AlertReport } from '../notify/routed-alert.ts'
import { startDispatch } from '../notify/run-dispatch.ts'
import type { Dispatch } from '../notify/run-dispatch.ts'
import type { Alert, AlertChange } from '../rules/alert.ts'
import { loadRules, ruleFolders } from '../rules/load.ts'
import { ruleFoldersMark } from '../rules/folder.ts'
import { sqlRuleStateStore } from '../rules/state-store.ts'
import { startRules } from '../rules/run.ts'
import type { Rules } from '../rules/run.ts'
import { fingerprint } from '../rules/state.ts'
import { watchRules } from '../rules/watch.ts'
import { decideByTree } from '../service/tree.ts'
import { createServiceRoom } from '../service/run.ts'
import type { ServiceRoom } from '../service/run.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { Store } from '../store/store.ts'
import { faultOf } from './fault.ts'

/** How often escalations are looked for. */
const ESCALATE_MS = 1_000
/** How often rosters and late reports are looked at. */
const DUTY_MS = 60_000
/** How often SMS gateways are asked for answers. */
const REPLIES_MS = 20_000
/** How long a link or an answer to a message counts. */
const ACK_LIFE_MS = 24 * 3_600_000
/** How often the books' samples are made. */
const BOOKS_MS = 60_000
/** A sign of life of the collector; two further apart than the tolerance were a blind stretch. */
const ALIVE_MS = 15_000
const ALIVE_TOLERANCE_MS = 60_000

export interface AlertingDependencies {
  readonly state: State
  readonly store: Store
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  readonly settings: CollectorSettings
  readonly files: AlertFiles
  /** Something that people look at has changed. */
  changed(...topics: readonly ('alerts' | 'incidents' | 'overview' | 'service' | 'notify')[]): void
}

/** The rooms, open. */
export interface Alerting {
  readonly rules: Rules
  readonly incidents: Incidents
  readonly dispatch: Dispatch
  readonly outbox: Outbox
  readonly duty: Duty
  readonly service: ServiceRoom
  /** What people do with routing, silences, channels and the outbox. */
  readonly desk: NotifyDesk
  /** An agent has fallen silent without a plan, or is back, at that time: its services are blind there meanwhile. */
  presenceChanged(instance: string, up: 0 | 1, at: number): Promise<void>
  /** What these rooms say of themselves, as samples. */
  samples(now: number): Promise<readonly SeriesValue[]>
  /** What people must know about alerting itself, in their words. */
  problems(): Promise<readonly string[]>
  /** Stops everything that runs, last started first. */
  close(): Promise<void>
}

/** Opens all of them; rejects with what cannot be opened, leaving nothing running. */
export async function openAlerting(deps: AlertingDependencies): Promise<Alerting> {
  const closers: (() => void | Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  try {
    return await openRooms(deps, closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function openRooms(deps: AlertingDependencies, closers: (() => void | Promise<void>)[], close: () => Promise<void>): Promise<Alerting> {
  const { state, store, clock, counters, log, settings, files } = deps
  const { wording } = files
  const { consoleUrl } = settings.notify
  const world = { readFile: (path: string) => readFileSync(path, 'utf8'), env: process.env }

  // Ways to reach people.
  const hooks = new Map<string, Channel>()
  for (const { integrations } of files.routes.receivers.values()) {
    for (const one of integrations) if (one.kind === 'webhook' && !hooks.has(one.url)) hooks.set(one.url, openWebhookAt(hookName(one.url), one.url, 0, world))
  }
  const channels = [...openChannels(settings.notify, world), ...hooks.values()]
  const kinds = new Map(Object.entries(settings.notify.channels).map(([name, { kind }]) => [name, kind]))
  const renderer = createRenderer({ wording, consoleUrl, serviceAliases: settings.notify.serviceAliases })
  const speakers = createSpeakers(consoleUrl)
  const outbox = createOutbox({ state, channels, clock, random: Math.random, counters, log, ...renderer, spokesman: (number) => speakers.spokesman(number) })
  const duty = await openDuty({ state, clock, files: files.duty })

  // Faults.
  const incidents = await createIncidents({ state, clock, log, wording, profiles: files.profiles, topology: files.topology })

  // Who is told. Each incident is one alert that speaks for all of its own.
  const note = (incident: Incident): AlertReport => speakers.note(incident, clock.now())
  const numberOf = (labels: Readonly<Record<string, string>>): string | undefined => incidents.numberOf(fingerprint(labels)) ?? labels['incident']
  const unreachable = new Set<string>()
  const enqueue: Outbox['enqueue'] = (trx, item, now) => outbox.enqueue(trx, item, now)
  const ack = async (trx: StateTransaction, incident: Incident, { channel, person }: Way, now: number): Promise<AckWays | undefined> => {
    if (person === undefined || incident.response !== null) return undefined
    const kind = kinds.get(channel)
    if (kind === undefined) return undefined
    if (addressOf[kind] === 'mailbox') return consoleUrl === undefined ? undefined : { link: `${consoleUrl.replace(/\/+$/, '')}/a/${await issueLink(trx, incident.number, person.id, ACK_LIFE_MS, now)}`, code: null }
    const answers = channels.find((one) => one.name === channel)?.replies !== undefined
    const code = answers ? await replyCode(trx, incident.number, person.id, ACK_LIFE_MS, now) : undefined
    return code === undefined ? undefined : { link: null, code }
  }
  const delivery: DeliverDependencies = {
    channelKind: (name) => kinds.get(name),
    hookChannel: (url) => hooks.get(url)?.name,
    recipients: (names) => duty.recipients(names),
    person: (id) => duty.plan().file.people.get(id),
    receivers: () => dispatch.routes().receivers.values(),
    incident: (trx, number) => incidentByNumber(trx, speakers.spokesman(number)),
    enqueue,
    works: () => outbox.works(),
    ack,
    nobody: (receiver, integration) => void unreachable.add(`${receiver} ${integration}`),
  }
  // An external Alertmanager tells people in our place, unless the site has given routes of its own as well.
  const external = settings.notify.alertmanagers
  const tellsItself = external.length === 0 || settings.notify.routesFile !== undefined
  await restoreSpeakers(speakers, state.db, incidents.live(), clock.now())
  const dispatch: Dispatch = await startDispatch({
    state, clock, log,
    routes: files.routes,
    incidentOf: numberOf,
    spokenForBy: (alert) => speakers.speakerFor(alert.fingerprint, alert.routing['incident']),
    deliver: (notification, trx) => (tellsItself ? deliver(delivery, notification, trx) : Promise.resolve([])),
    delivered() {
      outbox.wake()
      deps.changed('notify')
    },
    retentionMs: settings.notify.decisionRetention,
  })
  closers.push(() => dispatch.stop())
  const changed: AlertReport[] = []
  /** What one unit of the incidents' room changes goes to routing in one piece: a cause may absorb thousands at once. */
  const put = (reports: readonly AlertReport[]): void => {
    if (reports.length === 0) return
    if (changed.length === 0) queueMicrotask(() => void dispatch.put(changed.splice(0)).catch((error: unknown) => log.error('alerts could not be handed to routing', { error: errorText(error) })))
    changed.push(...reports)
  }
  const nextEscalation = new Map<string, number>()
  incidents.subscribe((incident) => {
    put(speakers.change(incident, clock.now()))
    nextEscalation.delete(incident.number)
    // Its alerts now belong to the other one's group.
    if (incident.mergedInto !== null) dispatch.reroute().catch((error: unknown) => log.error('alerts could not be routed anew', { error: errorText(error) }))
    // Closed by a person while nothing is known of its alerts: they have no fault left to stay open for.
    if (incident.state === 'closed') void dispatch.resolve(incident.alerts.filter((alert) => alert.state !== 'resolved').map((alert) => fingerprintOf(alert.labels))).catch((error: unknown) => log.error('alerts of a closed incident could not be ended', { error: errorText(error) }))
    deps.changed('incidents', 'overview', 'alerts', 'service')
  })

  // What breaks a rule.
  const generatorUrl = consoleUrl ?? ''
  async function take(changes: readonly AlertChange[]): Promise<void> {
    await incidents.apply(changes)
    const now = clock.now()
    await dispatch.put(changes.flatMap((change) => reportOfChange(change, now, generatorUrl) ?? []))
    deps.changed('alerts', 'overview')
  }
  const folders = ruleFolders(settings.rules)
  const rulesMark = await ruleFoldersMark(folders)
  const rules = await startRules({
    store, clock, counters, log,
    states: sqlRuleStateStore(state.db, (row, error) => log.error('a saved alert cannot be read and is left out', { row, error: errorText(error) })),
    groups: await loadRules(folders),
    defaultIntervalMs: settings.rules.interval,
    externalLabels: {},
    externalUrl: generatorUrl,
    onChanges: take,
  })
  closers.push(() => rules.stop())
  let rulesProblem: string | undefined
  closers.push(
    watchRules(folders, rulesMark, clock, {
      error(message, fields) {
        rulesProblem = '规则文件有错误，仍在使用修改前的规则；重启前请先改正（zhishou collector check-config）'
        log.error(message, fields)
      },
    }, (groups) => {
      rulesProblem = undefined
      rules.replace(groups)
    }),
  )
  let rosterFaults: readonly string[] = []
  await incidents.reconcile(rules.alerts())
  await catchUp(rules.alerts())

  /** After a start: what routing missed while nothing ran, or when the last run ended in the middle. */
  async function catchUp(alerts: readonly Alert[]): Promise<void> {
    const now = clock.now()
    const reports = [...incidents.live().map(note), ...alerts.flatMap((alert) => (alert.state === 'firing' ? (reportOfAlert(alert, now, generatorUrl) ?? []) : [])), ...rosterReports(now)]
    await dispatch.put(reports)
    const kept = incidents.live().flatMap((incident) => (isRunning(incident) ? incident.alerts.filter((alert) => alert.state === 'no-data').map((alert) => fingerprintOf(alert.labels)) : []))
    await dispatch.keepOnly(new Set([...reports.map((report) => report.fingerprint), ...kept]))
  }

  // Duty: gaps are alerts like others; clocks that run out are told along the chain.
  function rosterReports(now: number): readonly AlertReport[] {
    const reports = duty.faults().map(({ key, kind, severity, text }): AlertReport => {
      const labels = { alertname: 'DutyRoster', fault: `duty-${kind}`, severity, roster: key }
      return { fingerprint: fingerprintOf(labels), labels, annotations: { summary: text }, startsAt: now, endsAt: undefined, updatedAt: now, timeout: false, generatorUrl, origin: 'rules' }
    })
    rosterFaults = reports.map((report) => report.fingerprint)
    return reports
  }
  closers.push(
    clock.every(DUTY_MS, 'duty.watch', async () => {
      const before = rosterFaults
      const known = new Set(before)
      const reports = rosterReports(clock.now())
      await dispatch.put(reports.filter((report) => !known.has(report.fingerprint)))
      await dispatch.resolve(before.filter((one) => !rosterFaults.includes(one)))
      await remindOfReports()
    }),
  )
  closers.push(clock.every(86_400_000, 'duty.tidy', () => duty.tidy()))

  async function escalate(): Promise<void> {
    const now = clock.now()
    for (const clocks of incidents.clocks(now)) {
      if ((nextEscalation.get(clocks.number) ?? 0) > now) continue
      const incident = incidents.live().find((one) => one.number === clocks.number)
      if (incident === undefined) continue
      const factor = service.tightening(now, clocks.service).step
      const nextDueAt = await state.db.transaction().execute(async (trx) => {
        const answer = await duty.escalation(trx, { number: clocks.number, clocks: clocks.clocks, factor, profile: clocks.profile, severity: clocks.severity })
        if (answer.due === undefined || !(await recordTold(trx, answer.due, now))) return answer.nextDueAt
        const { people } = duty.recipients(answer.due.to)
        const lines = answer.due.steps.map((step) => stepText(files.duty.wording, step))
        const queued = await tellEscalation({ channels: kinds, enqueue, ack }, answer.due, people, { what: wording.message.what.escalation, lines }, incident, trx, now)
        if (queued === 0) unreachable.add(answer.due.to.join(' '))
        return answer.nextDueAt
      })
      nextEscalation.set(clocks.number, nextDueAt ?? Infinity)
      outbox.wake()
    }
  }
  closers.push(clock.every(ESCALATE_MS, 'duty.escalate', escalate))

  async function remindOfReports(): Promise<void> {
    const late = service.reminders()
    if (late.length === 0) return
    const now = clock.now()
    const { people } = duty.recipients(['on-call', 'on-site-lead', 'project-manager'])
    await state.db.transaction().execute(async (trx) => {
      for (const { key, title } of late) {
        for (const way of waysTo(people, [], kinds)) {
          await enqueue(trx, { channel: way.channel, receiver: way.person?.name ?? way.channel, to: way.to, dedupKey: `${key}/${way.channel}/${way.to.join(',')}`, incidentId: undefined, payload: { kind: 'plain', what: wording.message.what['zero-report'], severity: 'warning', service: '', number: '', title, lines: [], incident: null, ack: null } }, now)
        }
      }
    })
    outbox.wake()
  }

  closers.push(
    clock.every(REPLIES_MS, 'notify.replies', async () => {
      for (const channel of channels) {
        if (channel.replies === undefined) continue
        for (const { phone, text } of await channel.replies(AbortSignal.timeout(REPLIES_MS))) await answered(phone, text)
      }
    }),
  )
  async function answered(phone: string, text: string): Promise<void> {
    const outcome = await state.db.transaction().execute((trx) => answerSms(trx, duty.context(), phone, text, clock.now()))
    if (outcome.kind === 'refused') return log.warn('an answered message was not taken as an acknowledgement', { why: outcome.why })
    const { incident, name } = outcome.acknowledgement
    const taken = await incidents.acknowledge(incident, name, 'sms-reply')
    if (taken.kind === 'refused') log.warn('an answered message came too late', { incident, code: taken.code })
  }

  // The books.
  const services = files.topology.services.length > 0 ? files.topology.services : serviceIds.map((id) => ({ id, members: [] }))
  const service = await createServiceRoom({
    state, clock, zone: OFFICE_ZONE, wording: files.serviceWording,
    contractStart: settings.service.contractStart,
    services: services.map(({ id }) => ({ service: id, opening: settings.service.openings[id] })),
    workingDay: (date) => {
      const day = parseDate(date)
      const found = day === undefined ? undefined : workday(duty.plan().calendar, day)
      return found === undefined || found.kind === 'unknown' ? undefined : found.kind === 'workday' || found.kind === 'makeup'
    },
    decide: decideByTree(Object.fromEntries(services.map(({ id, members }) => [id, { critical: members }])), ['critical']),
    faults: async ({ from, to }) => {
      const now = clock.now()
      const found = await incidentsWithin(state.db, from, to)
      return Promise.all(found.map(async (incident) => faultOf(incident, incident.reopenings === 0 ? [] : await eventMarks(state.db, incident.id), now)))
    },
    terms: files.terms,
    aliveToleranceMs: ALIVE_TOLERANCE_MS,
  })
  await service.alive()
  let booked: { readonly at: number; readonly samples: readonly SeriesValue[] } = { at: -Infinity, samples: [] }
  closers.push(clock.every(ALIVE_MS, 'service.alive', () => service.alive()))

  await outbox.start()
  closers.push(() => outbox.stop())
  closers.push(clock.every(30_000, 'incidents.settle', () => incidents.settle()))
  if (external.length > 0) {
    const push = startExternalAlertmanagers({
      endpoints: external.map((one) => openEndpoint(one, world)),
      clock, log,
      evaluationMs: settings.rules.interval,
      // Those that an incident speaks for are not told by themselves there either.
      alerts: () => dispatch.known().filter((alert) => speakers.speakerFor(alert.fingerprint, alert.routing['incident']) === undefined),
      count: (endpoint, outcome, count) => counters.add('zhishou_alertmanager_alerts_total', { endpoint, outcome }, count),
    })
    closers.push(() => push.stop())
  }

  const desk = createNotifyDesk({
    state, dispatch, outbox, channels,
    kinds: Object.fromEntries(kinds),
    now: () => clock.now(),
    render: renderer.render,
    silenceNeedsSecond: (at, about) => service.silenceNeedsSecond(at, about),
    ways: delivery,
    whyNobody: (name) => duty.recipients([name]).passed.map((one) => emptyText(files.duty.wording, one.why)).join('；'),
    incidentOf: numberOf,
  })
  return {
    rules, incidents, dispatch, outbox, duty, service, desk, close,
    async presenceChanged(instance, up, at) {
      for (const id of servicesOn(files.topology, instance)) {
        if (up === 0) await service.beginBlind('agent-silent', id, instance, at)
        else await service.endBlind('agent-silent', id, instance, at)
      }
    },
    async samples(now) {
      // The books are reckoned anew once a minute: they read every incident of the month.
      if (now - booked.at >= BOOKS_MS || now < booked.at) booked = { at: now, samples: await service.samples() }
      return [...incidents.series(now), ...outbox.series(), ...booked.samples]
    },
    async problems() {
      const missing = tellsItself ? files.missing : []
      return [
        ...(rulesProblem === undefined ? [] : [rulesProblem]),
        ...(channels.length === 0 && tellsItself ? ['没有配置任何通知渠道，告警只显示在控制台上'] : [...missing.map((one) => `路由配置不完整：${one}`), ...[...unreachable].map((one) => `有通知没有可以送达的人：${one}`)]),
        ...duty.faults().map((fault) => fault.text),
      ]
    },
  }
}

/** Name of the channel that an Alertmanager webhook is opened as; the same after every start. */
function hookName(url: string): string {
  return `hook-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`
}

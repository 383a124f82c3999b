/**
 * Opens the rooms between a sample and a message, in their order: rules → correlate and incidents → routing → outbox, with
 * duty and the service books beside them, and carries each room's outcomes to the next. Nothing is decided here.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createStateIdentities } from '../access/identities-state.ts'
import type { AlertFiles } from '../alert-files.ts'
import { OFFICE_ZONE } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { CollectorSettings } from '../config.ts'
import type { Counters } from '../counters.ts'
import { replyCode } from '../duty/ack-storage.ts'
import { issueLink } from '../duty/acknowledge.ts'
import { workday } from '../duty/calendar.ts'
import { parseDate } from '../duty/local-time.ts'
import { openDuty } from '../duty/run.ts'
import type { Duty } from '../duty/run.ts'
import { emptyText, stepText } from '../duty/wording.ts'
import { serviceIds, servicesOn } from '../correlate/topology.ts'
import type { ServiceId } from '../correlate/topology.ts'
import { isRunning } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { createIncidents } from '../incidents/run.ts'
import type { Incidents } from '../incidents/run.ts'
import { closingOf, eventMarks, incidentByNumber, incidentsWithin } from '../incidents/storage.ts'
import type { SeriesValue } from '../incidents/series.ts'
import { fill, spanText } from '../sentence.ts'
import type { Log } from '../log.ts'
import { errorText } from '../log.ts'
import { reportOfAlert, reportOfChange } from '../notify/alert-source.ts'
import { addressOf } from '../notify/channel-settings.ts'
import type { Channel } from '../notify/channel.ts'
import { deliver } from '../notify/deliver.ts'
import type { DeliverDependencies, Way } from '../notify/deliver.ts'
import { openEndpoint, startExternalAlertmanagers } from '../notify/external-alertmanager.ts'
import { createNotifyDesk } from '../notify/desk.ts'
import type { NotifyDesk } from '../notify/desk.ts'
import { createSpeakers } from '../notify/incident-alert.ts'
import { restoreSpeakers } from '../notify/restore-speakers.ts'
import { fingerprintOf } from '../notify/label-set.ts'
import type { AckWays } from '../notify/notice.ts'
import { messagePayload } from '../notify/payload.ts'
import { problemText } from '../notify/problem-words.ts'
import { createOutbox } from '../notify/outbox.ts'
import type { Outbox } from '../notify/outbox.ts'
import { openChannels, openWebhookAt } from '../notify/registry.ts'
import { createRenderer } from '../notify/render.ts'
import { isResolved } from '../notify/routed-alert.ts'
import type { AlertReport } from '../notify/routed-alert.ts'
import { dependsOnMoment, incidentAsked, subjectNow } from '../notify/subject.ts'
import { missed, reached, unreachedNow } from '../notify/unreached.ts'
import type { Unreached } from '../notify/unreached.ts'
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
import { createDutyWatch } from './duty-watch.ts'
import type { DutyWatch } from './duty-watch.ts'
import { faultOf, workLineOf } from './fault.ts'
import { liveFiles } from './live-files.ts'
import { peopleNow } from './people.ts'
import { startFileReload } from './reload.ts'
import type { ReloadOutcome } from './reload.ts'
import { watchedServices } from './watched.ts'

/** How long a link or an answer to a message counts. */
const ACK_LIFE_MS = 24 * 3_600_000
/** How many alerts go into routing at once. */
const PUT_PART = 500
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
  readonly channels: readonly Channel[]
  /** The files in use; reads through to what was taken last. */
  readonly files: AlertFiles
  /** Takes changed files into use now. */
  reload(): Promise<ReloadOutcome>
  /** The same for rule files, which are taken or refused by themselves. Answers every mistake. */
  reloadRules(): Promise<readonly string[]>
  /** Somebody answered an SMS of that channel. */
  readonly answered: DutyWatch['answered']
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
  const { state, store, clock, counters, log, settings } = deps
  const live = liveFiles(deps.files)
  const files = live.view
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
  const outbox = createOutbox({
    state, channels, clock, random: Math.random, counters, log, ...renderer,
    spokesman: (number) => speakers.spokesman(number),
    note: (to) => (to.map((phone) => dutyWatch.misunderstood(phone)).includes(true) ? wording.message.misunderstood : undefined),
    async subject(stored, now) {
      if (!dependsOnMoment(stored)) return { kind: 'stands', payload: stored }
      const payload = messagePayload.parse(stored)
      const number = incidentAsked(payload)
      const over = payload.kind === 'alerts' ? await overAmong(payload.alerts.map((alert) => alert.fingerprint), now) : new Set<string>()
      const incident = number === undefined ? undefined : await incidentByNumber(state.db, speakers.spokesman(number))
      return subjectNow(payload, incident, { wording, stepText: (step) => stepText(duty.context().wording, step), reportLate: (key) => dutyWatch.reportLate(key), alertOver: (fingerprint) => over.has(fingerprint) }, now)
    },
  })
  const duty = await openDuty({ state, clock, files: files.duty })

  // Faults.
  const incidents = await createIncidents({ state, clock, log, wording, profiles: files.profiles, topology: files.topology, people: (db) => peopleNow(duty, db, clock.now()), alerts: () => rules.alerts(), worked: (trx, entry) => service.noteWork(trx, workLineOf(entry)) })

  // Who is told. Each incident is one alert that speaks for all of its own.
  const note = (incident: Incident): AlertReport => speakers.note(incident, clock.now())
  const numberOf = (labels: Readonly<Record<string, string>>): string | undefined => incidents.numberOf(fingerprint(labels)) ?? labels['incident']
  let unreachedPeople: Unreached = new Map()
  const told = (whom: string, reachedNow: boolean): void => {
    unreachedPeople = reachedNow ? reached(unreachedPeople, whom) : missed(unreachedPeople, whom, clock.now())
  }
  const enqueue: Outbox['enqueue'] = (trx, item, now) => outbox.enqueue(trx, item, now)
  const ack = async (trx: StateTransaction, incident: Incident, { channel, person }: Way, now: number): Promise<AckWays | undefined> => {
    if (person === undefined || incident.response !== null) return undefined
    const kind = kinds.get(channel)
    if (kind === undefined) return undefined
    if (addressOf[kind] === 'mailbox') return consoleUrl === undefined ? undefined : { link: `${consoleUrl.replace(/\/+$/, '')}/a/${await issueLink(trx, incident.number, person.id, ACK_LIFE_MS, now)}`, code: null }
    const way = channels.find((one) => one.name === channel)
    const answers = way?.replies !== undefined || way?.push !== undefined
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
    closing: (trx, incident) => closingOf(trx, incident.id),
    told: (receiver, integration, reachedNow) => told(`${receiver} ${integration}`, reachedNow),
  }
  /** Which of these alerts are over by now; one that routing has forgotten is. */
  const overAmong = async (fingerprints: readonly string[], now: number): Promise<ReadonlySet<string>> => {
    const found = await Promise.all(fingerprints.map(async (fingerprint) => ({ fingerprint, alert: await dispatch.alert(fingerprint) })))
    return new Set(found.flatMap(({ fingerprint, alert }) => (alert === undefined || isResolved(alert, now) ? [fingerprint] : [])))
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
  const dutyWatch = createDutyWatch({ state, clock, log, duty, incidents, wording, channels, kinds, outbox, generatorUrl: consoleUrl ?? '', ack, dispatch: () => dispatch, service: () => service, told, refused: (channel, why) => counters.add('zhishou_sms_replies_refused_total', { channel, why }) })
  const changed: AlertReport[] = []
  /** What one unit of the incidents' room changes goes to routing in one piece: a cause may absorb thousands at once. */
  const put = (reports: readonly AlertReport[]): void => {
    if (reports.length === 0) return
    if (changed.length === 0) queueMicrotask(() => void dispatch.put(changed.splice(0)).catch((error: unknown) => log.error('alerts could not be handed to routing', { error: errorText(error) })))
    changed.push(...reports)
  }
  const reroute = (): void => void dispatch.reroute().catch((error: unknown) => log.error('alerts could not be routed anew', { error: errorText(error) }))
  /** How many of the rules' changes are on their way, and whether what they did to incidents moves alerts in routing. */
  let taking = 0
  let rerouteAfter = false
  const hiding = new Map<string, string>()
  /** Whether an incident has begun to explain alerts, or ceased to: routing may hold them as alerts of their own, or the other way round. */
  const hidesAnew = ({ number, state: stands, hides }: Incident): boolean => {
    const before = hiding.get(number) ?? '0 0'
    const now = `${hides.count} ${hides.total}`
    if (stands === 'closed' || stands === 'merged') hiding.delete(number)
    else hiding.set(number, now)
    return before !== now
  }
  incidents.subscribe((incident) => {
    put(speakers.change(incident, clock.now()))
    dutyWatch.incidentChanged(incident)
    const anew = hidesAnew(incident)
    // What ended must have ended in routing first: it is no alert of its own for having no cause any more.
    if (anew && taking > 0) rerouteAfter = true
    // Its alerts now belong to the other one's group.
    if (incident.mergedInto !== null || (anew && taking === 0)) reroute()
    // Closed by a person while nothing is known of its alerts: they have no fault left to stay open for.
    if (incident.state === 'closed') void dispatch.resolve(incident.alerts.filter((alert) => alert.state !== 'resolved').map((alert) => fingerprintOf(alert.labels))).catch((error: unknown) => log.error('alerts of a closed incident could not be ended', { error: errorText(error) }))
    deps.changed('incidents', 'overview', 'alerts', 'service')
  })

  // What breaks a rule.
  const generatorUrl = consoleUrl ?? ''
  async function take(changes: readonly AlertChange[]): Promise<void> {
    taking++
    try {
      await incidents.apply(changes)
      const now = clock.now()
      // In parts, so that a storm is not worked out in one turn of the event loop.
      for (let from = 0; from < changes.length; from += PUT_PART) await dispatch.put(changes.slice(from, from + PUT_PART).flatMap((change) => reportOfChange(change, now, generatorUrl) ?? []))
    } finally {
      taking--
      if (rerouteAfter) reroute()
      rerouteAfter = false
    }
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
  const ruleWatch = watchRules(folders, rulesMark, clock, {
      error(message, fields) {
        rulesProblem = '规则文件有错误，仍在使用修改前的规则；重启前请先改正（zhishou collector check-config）'
        log.error(message, fields)
      },
    }, (groups) => {
      rulesProblem = undefined
      rules.replace(groups)
    })
  closers.push(() => ruleWatch.stop())
  await incidents.reconcile(rules.alerts())
  await catchUp(rules.alerts())

  /** After a start: what routing missed while nothing ran, or when the last run ended in the middle. */
  async function catchUp(alerts: readonly Alert[]): Promise<void> {
    const now = clock.now()
    const reports = [...incidents.live().map(note), ...alerts.flatMap((alert) => (alert.state === 'firing' ? (reportOfAlert(alert, now, generatorUrl) ?? []) : [])), ...dutyWatch.rosterReports(now)]
    await dispatch.put(reports)
    const kept = incidents.live().flatMap((incident) => (isRunning(incident) ? incident.alerts.filter((alert) => alert.state === 'no-data').map((alert) => fingerprintOf(alert.labels)) : []))
    await dispatch.keepOnly(new Set([...reports.map((report) => report.fingerprint), ...kept]))
  }

  // Gaps are alerts like others; clocks that run out are told along the chain.
  for (const stop of dutyWatch.start()) closers.push(stop)

  // The books.
  const services = (): readonly { readonly id: ServiceId; readonly members: readonly string[] }[] => (files.topology.services.length > 0 ? files.topology.services : serviceIds.map((id) => ({ id, members: [] })))
  const service = await createServiceRoom({
    state, clock, zone: OFFICE_ZONE, wording: files.serviceWording,
    contractStart: settings.service.contractStart,
    get services() {
      return services().map(({ id }) => ({ service: id, opening: settings.service.openings[id] }))
    },
    workingDay: (date) => {
      const day = parseDate(date)
      const found = day === undefined ? undefined : workday(duty.plan().calendar, day)
      return found === undefined || found.kind === 'unknown' ? undefined : found.kind === 'workday' || found.kind === 'makeup'
    },
    get decide() {
      return decideByTree(Object.fromEntries(services().map(({ id, members }) => [id, { critical: members }])), settings.service.affecting)
    },
    faults: async ({ from, to }) => {
      const now = clock.now()
      const found = await incidentsWithin(state.db, from, to)
      return Promise.all(found.map(async (incident) => faultOf(incident, incident.reopenings === 0 ? [] : await eventMarks(state.db, incident.id), now)))
    },
    worked: async ({ from, to }) => (await incidents.workLog({ from, to, limit: Number.MAX_SAFE_INTEGER })).map(workLineOf),
    get terms() {
      return files.terms
    },
    aliveToleranceMs: ALIVE_TOLERANCE_MS,
  })
  await service.alive()
  const openedAt = clock.now()
  const identities = createStateIdentities(state)
  async function watch(): Promise<void> {
    const heard = new Set((await identities.agents()).flatMap((agent) => (agent.lastSeenAt === undefined ? [] : [agent.instance])))
    await service.watch(watchedServices({ topology: files.topology, services: services().map(({ id }) => id), heard, store, startedAt: openedAt, now: clock.now() }))
  }
  await watch()
  closers.push(clock.every(BOOKS_MS, 'service.watch', watch))
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

  // Changed files. The webhooks of the routes are channels, which are opened at the start.
  const fileReload = startFileReload({
    settings, clock, counters, log,
    refuse: (next) => {
      const fresh = [...next.routes.receivers.values()].flatMap(({ name, integrations }) => integrations.flatMap((one) => (one.kind === 'webhook' && !hooks.has(one.url) ? [name] : [])))
      return fresh.length === 0 ? [] : [{ file: 'routes', mistakes: fresh.map((name) => `receiver ${JSON.stringify(name)}: a webhook address that is new is taken at a restart only`) }]
    },
    async replace(next) {
      // Between two pieces of work of the incidents' room, so that no fault is placed by two topologies.
      await incidents.refile(() => live.replace(next), () => rules.alerts())
      duty.replaceFiles(next.duty)
      await dispatch.setRoutes(next.routes)
      dutyWatch.filesChanged()
      await watch()
    },
    changed: () => deps.changed('alerts', 'incidents', 'overview', 'service', 'notify'),
  })
  closers.push(() => fileReload.stop())

  const desk = createNotifyDesk({
    state, dispatch, outbox, channels,
    kinds: Object.fromEntries(kinds),
    now: () => clock.now(),
    render: renderer.render,
    silenceNeedsSecond: (at, about) => service.silenceNeedsSecond(at, about),
    ways: delivery,
    whyNobody: (name) => duty.recipients([name]).passed.map((one) => emptyText(duty.context().wording, one.why)).join('；'),
    incidentOf: numberOf,
    spokenForBy: (alert) => speakers.speakerFor(alert.fingerprint, alert.routing['incident']),
    span: (ms) => spanText(wording.span, ms),
  })
  return {
    rules, incidents, dispatch, outbox, duty, service, desk, close, channels, files,
    reload: () => fileReload.reload(),
    reloadRules: () => ruleWatch.look(),
    answered: (channel, answer) => dutyWatch.answered(channel, answer),
    async presenceChanged(instance, up, at) {
      for (const id of servicesOn(files.topology, instance)) {
        if (up === 0) await service.beginBlind('agent-silent', id, instance, at)
        else await service.endBlind('agent-silent', id, instance, at)
      }
    },
    async samples(now) {
      // The books are reckoned anew once a minute: they read every incident of the month.
      if (now - booked.at >= BOOKS_MS || now < booked.at) booked = { at: now, samples: await service.samples() }
      return [...incidents.series(now), ...outbox.series(), ...service.guardSamples(), ...booked.samples]
    },
    async problems() {
      const missing = tellsItself ? files.missing : []
      const unclear = dutyWatch.misunderstoodLately(clock.now())
      const ways = channels.length === 0 || !tellsItself ? [] : await outbox.problems()
      return [
        ...(rulesProblem === undefined ? [] : [rulesProblem]),
        ...fileReload.problems(),
        ...(unclear === 0 ? [] : [fill(wording.message.problem['replies-unclear'], { count: unclear })]),
        ...ways.map((one) => problemText(one, wording)),
        ...(channels.length === 0 && tellsItself ? ['没有配置任何通知渠道，告警只显示在控制台上'] : [...missing.map((one) => `路由配置不完整：${one}`), ...unreachedNow(unreachedPeople, clock.now()).map((one) => `有通知没有可以送达的人：${one}`)]),
        ...duty.faults().map((fault) => fault.text),
      ]
    },
  }
}

/** Name of the channel that an Alertmanager webhook is opened as; the same after every start. */
function hookName(url: string): string {
  return `hook-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`
}

/**
 * The collector: opens every room, hands each what it needs, starts them front to back and stops them back to front.
 * Nothing is decided here. `cli/` calls `startCollector`.
 */
import { hostname } from 'node:os'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { AlertView } from '../protocol/api.ts'
import { SettingsError } from '../protocol/settings.ts'
import { createAccess } from './access/accounts.ts'
import { createEnrolments } from './access/enrolment.ts'
import { createStateIdentities } from './access/identities-state.ts'
import { openPki } from './access/pki.ts'
import { completeRevocations, removeAgent } from './access/removal.ts'
import { makeToken } from './access/tokens.ts'
import { checkAlertFiles } from './alert-files.ts'
import { type Clock, systemClock } from './clock.ts'
import { type CollectorSettings, loadCollectorSettings, loopback } from './config.ts'
import { createCounters } from './counters.ts'
import { type FirstRun, HomeError, forgetFirstPassword, openHome, writeFirstRun } from './home.ts'
import { createLink } from './ingest/link.ts'
import { logLinkEvent } from './ingest/link-log.ts'
import { startPresence } from './ingest/run-presence.ts'
import { createLog, errorText } from './log.ts'
import { ownSampleWriter } from './self-samples.ts'
import { selfProblems, selfView } from './self-view.ts'
import { appendAudit } from './state/audit.ts'
import { openState } from './state/open.ts'
import { openStore } from './store/open-store.ts'
import { storeSettings } from './store/settings.ts'
import { alertViews, byUrgency, externalAlertViews } from './web/alert-view.ts'
import { createApp } from './web/app.ts'
import type { WebDependencies } from './web/dependencies.ts'
import { queryRoom } from './web/query.ts'
import { type Listen, closeServer, httpListener, open, secureContext, tlsListener } from './web/serve.ts'
import { createHints } from './web/stream.ts'
import { openAlerting } from './wiring/alerting.ts'
import { alertingWeb } from './wiring/web.ts'

const root = join(import.meta.dirname, '..')

/** Version of the product, from package.json. */
export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

export interface CollectorOptions {
  readonly home: string
  /** Over the settings' addresses. */
  readonly http?: Listen
  readonly tls?: Listen
  /** No log lines (benches). */
  readonly quiet?: boolean
}

export interface Collector {
  readonly addresses: { readonly console: string; readonly http: string; readonly tls: string }
  /** Only on the very first start. */
  readonly firstRun: { readonly admin: { readonly user: string; readonly password: string }; readonly readToken: string } | undefined
  /** A token that enrols an agent on this machine. */
  createToken(host: string, actor: string): Promise<{ readonly token: string; readonly expiresAt: number }>
  /** Takes changed files of alerting into use, as POST /-/reload does; what came of it is in the log and the console. */
  reload(): Promise<void>
  close(): Promise<void>
}

/** Where the newest start of this collector can be reached, for tokens made from beside it (`zhishou collector token`). */
export const LINK_ADDRESS = 'link.address'

const TOKEN_LIFE_MS = 24 * 3_600_000
const SELF_EVERY_MS = 15_000
/** Slices of the store's housekeeping: short, so that nothing else waits long. */
const MAINTAIN_EVERY_MS = 200

/** Starts everything; rejects with HomeError, SettingsError or an error that names the port, leaving nothing behind. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const home = openHome(options.home)
  const closers: (() => void | Promise<void>)[] = [() => home.release()]
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    if (options.http !== undefined && !loopback.has(options.http.host)) throw new SettingsError([`--http ${options.http.host}: expected a loopback address (127.0.0.1, ::1 or localhost): plain HTTP never leaves the machine`])
    return await start(options, loadCollectorSettings(home.path), closers, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function start(options: CollectorOptions, settings: CollectorSettings, closers: (() => void | Promise<void>)[], closeAll: () => Promise<void>): Promise<Collector> {
  const { home } = options
  const startedAt = Date.now()
  const log = createLog(settings.log, options.quiet === true ? () => undefined : (line) => void process.stdout.write(line), Date.now)
  const counters = createCounters({ defaults: true })
  const clock: Clock = systemClock((name, error) => {
    counters.add('zhishou_task_failures_total', { task: name })
    log.error('a task failed', { task: name, error: errorText(error) })
  })
  const refused = (what: string, code: string): void => counters.add('zhishou_refused_total', { what, code })
  const hints = createHints(500)
  const recordAudit = (entry: Parameters<typeof appendAudit>[1]): Promise<void> => state.db.transaction().execute(async (trx) => void (await appendAudit(trx, entry)))

  for (const missing of missingParts(home)) log.warn(missing)

  // What is kept.
  const state = await openState(join(home, 'state.db'), startedAt)
  closers.push(() => state.close())
  const store = openStore({
    path: join(home, 'metrics.db'),
    now: () => clock.now(),
    settings: storeSettings.parse({ retentionMs: settings.store.retention, lateWindowMs: settings.store.outOfOrder, lowBytes: settings.store.minFree }),
  })
  closers.push(() => store.close())
  closers.push(clock.every(MAINTAIN_EVERY_MS, 'store.maintain', () => store.maintain(clock.now())))

  // Who may talk to us.
  const pki = await openPki({ folder: join(home, 'pki'), names: [hostname(), ...settings.names] }, startedAt)
  const identities = createStateIdentities(state)
  await completeRevocations({ pki, identities }, startedAt)
  const access = createAccess(state)

  // What is broken, and who is told.
  const files = checkAlertFiles(settings)
  const alerting = await openAlerting({ state, store, clock, counters, log, settings, files, changed: (...topics) => hints.publish(...topics) })
  closers.push(() => alerting.close())
  const { rules, incidents, outbox } = alerting
  closers.push(clock.every(86_400_000, 'access.tidy', () => access.tidy(clock.now())))

  // The link.
  const presence = await startPresence({
    store, identities, clock,
    settings: { silenceMs: settings.link.silence, firstContactMs: 60_000 },
    onChange(instance, up, at) {
      alerting.presenceChanged(instance, up, at).catch((error: unknown) => log.error('a blind time could not be kept', { instance, error: errorText(error) }))
      rules.evaluateNow(['up'])
      hints.publish('hosts', 'overview')
    },
    onFailure: (what, error) => log.error('presence', { what, error: errorText(error) }),
  })
  closers.push(() => presence.stop())
  const link = createLink({
    store, identities, pki, clock, presence, refused,
    settings: { heartbeatMs: settings.link.heartbeat, maxConnections: settings.link.maxAgents, seriesPerAgent: settings.link.maxSeriesPerAgent },
    onEvent: (event) => logLinkEvent(log, event),
    onStored(_, batch) {
      if (batch.events > 0) rules.evaluateNow(['zhishou_events_total'])
      hints.publish('hosts')
    },
  })
  const enrolments = createEnrolments({
    pki, identities, refused,
    onEnrolled(instance, superseded) {
      link.drop({ serials: superseded }, 'replaced by a new enrolment')
      presence.enrolled(instance)
      hints.publish('hosts', 'overview')
    },
  })

  // What it says of itself.
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  closers.push(() => void delay.disable())
  const writeOwn = ownSampleWriter(store)
  closers.push(
    clock.every(SELF_EVERY_MS, 'self', async () => {
      const now = clock.now()
      const stats = store.stats()
      // The histogram holds whole intervals; what is above the resolution is delay.
      const late = Math.max(0, delay.percentile(99) / 1e9 - 0.02)
      delay.reset()
      counters.set('zhishou_event_loop_delay_p99_seconds', late)
      counters.set('zhishou_store_active_series', stats.activeSeries)
      counters.set('zhishou_store_chunk_bytes', stats.chunkBytes)
      counters.set('zhishou_store_log_bytes', stats.logBytes)
      counters.total('zhishou_store_samples_total', stats.acceptedSamples)
      counters.total('zhishou_store_replayed_batches_total', stats.replayedBatches)
      counters.total('zhishou_store_late_rows_total', stats.lateRows)
      counters.total('zhishou_store_refused_rows_total', stats.refusedRows)
      counters.total('zhishou_link_restamped_rows_total', link.stats().restampedRows)
      counters.set('zhishou_link_connections', link.stats().connections)
      await writeOwn([...(await alerting.samples(now)), ...(await counters.samples())], now)
    }),
  )

  // People.
  let ready = false
  const alerts = (): AlertView[] => [...alertViews(rules.alerts(), (fingerprint) => incidents.numberOf(fingerprint)), ...externalAlertViews(alerting.dispatch.known(), clock.now())].sort(byUrgency)
  const createToken = async (host: string, actor: string, url = linkUrl): Promise<{ token: string; expiresAt: number }> => {
    const now = clock.now()
    const made = makeToken({ url, fingerprint: pki.fingerprint(), host, lifeMs: TOKEN_LIFE_MS, now })
    await identities.addToken(made.entry)
    await recordAudit({ at: now, actor, action: 'agent.token', object: host, detail: { expiresAt: made.entry.expiresAt } })
    return { token: made.text, expiresAt: made.entry.expiresAt }
  }
  const peopleWeb = alertingWeb({ alerting, settings, state, hints, refused, startedAt, now: () => clock.now(), alerts })
  const web: WebDependencies = {
    now: () => clock.now(),
    version,
    access: {
      bySession: (token) => access.session(token, clock.now()),
      byBearer: (token) => access.bearer(token, clock.now()),
      stillSignedIn: async (token) => (await access.session(token, clock.now(), false)) !== undefined,
      async signIn(user, password, address) {
        const outcome = await access.signIn(user, password, address, clock.now())
        if (outcome.kind === 'done' && outcome.value.first) forgetFirstPassword(home)
        return outcome
      },
      signOut: (token) => access.signOut(token, clock.now()),
      changePassword: (token, old, fresh, address) => access.changePassword(token, old, fresh, address, clock.now()),
    },
    query: queryRoom(store, () => clock.now()),
    presence: () => presence.view(),
    alerts,
    rules: () => rules.status(),
    facts: (instance) => store.facts(instance),
    events: (instance, limit) => store.events({ stream: instance, limit }),
    checks: (instance) => store.checks({ stream: instance, limit: 100 }),
    async overview() {
      // The watchdog always fires: it proves that alerting works and is no alert for people.
      const views = alerts().filter((alert) => alert.labels['fault'] !== 'watchdog')
      const count = (severity: AlertView['severity']): number => views.filter((alert) => alert.state === 'firing' && alert.severity === severity).length
      const hosts = { up: 0, down: 0, planned: 0, never: 0 }
      for (const one of presence.view()) hosts[one.presence]++
      return {
        now: clock.now(),
        hosts,
        alerts: { critical: count('critical'), warning: count('warning'), info: count('info'), pending: views.filter((alert) => alert.state === 'pending').length },
        incidents: await incidents.search({ part: 'open', limit: 200 }),
        channels: await outbox.overview(),
        selfProblems: [...(await alerting.problems()), ...selfProblems(store.stats(), rules.status(), clock.now())],
      }
    },
    self: async () => selfView({ version, startedAt, now: clock.now(), store: store.stats(), rules: rules.status(), refused: await counters.read('zhishou_refused_total') }),
    ...peopleWeb,
    agents: {
      async list() {
        return Promise.all(
          (await identities.agents()).map(async ({ instance, createdAt, lastSeenAt }) => ({
            instance,
            createdAt,
            lastSeenAt: lastSeenAt ?? null,
            certificates: (await identities.certificates(instance)).map((one) => ({ serial: one.serial, issuedAt: one.issuedAt, notAfter: one.notAfter, revokedAt: one.revokedAt ?? null })),
          })),
        )
      },
      async createToken(host, actor) {
        const { token, expiresAt } = await createToken(host, actor)
        return { kind: 'done', value: { token, host, expiresAt, command: `node agent.cjs enrol --token ${token} && node agent.cjs run` } }
      },
      async revoke(instance, reason, actor) {
        const now = clock.now()
        const serials = await removeAgent({ pki, identities }, instance, reason, now)
        if (serials.length === 0) return { kind: 'refused', status: 404, code: 'not-found', message: '没有这台主机，或它没有有效证书' }
        link.drop({ serials, instance }, reason)
        presence.forget(instance)
        await recordAudit({ at: now, actor, action: 'agent.revoke', object: instance, detail: { reason, serials: [...serials] } })
        hints.publish('hosts', 'overview')
        return { kind: 'done', value: undefined }
      },
    },
    async enrol(request, address) {
      const answer = await enrolments.enrol(request, clock.now(), address)
      return { status: answer.status, body: answer.body, ...(answer.kind === 'retry' ? { retryAfterMs: answer.retryAfterMs } : {}) }
    },
    async reload(actor) {
      const outcome = await alerting.reload()
      const ruleMistakes = await alerting.reloadRules()
      await recordAudit({ at: clock.now(), actor, action: 'config.reload', object: [...(outcome.kind === 'taken' ? [] : outcome.faults.map((fault) => fault.file)), ...(ruleMistakes.length > 0 ? ['rules'] : [])].join(' ') || 'taken', detail: null })
      if (ruleMistakes.length > 0 && outcome.kind === 'taken') return { kind: 'refused', status: 422, code: 'files-wrong', message: `规则文件有错误，仍在使用修改前的规则，其余文件已生效：${ruleMistakes.join('\n')}` }
      return outcome.kind === 'taken' ? { kind: 'done', value: undefined } : { kind: 'refused', status: 422, code: 'files-wrong', message: `文件有错误，仍在使用修改前的内容：${[...outcome.faults.flatMap((fault) => fault.mistakes), ...ruleMistakes].join('\n')}` }
    },
    metricsText: () => counters.text(),
    healthProblems: () => [...(ready ? [] : ['starting']), ...(store.stats().degraded === 'full' ? ['the disk is full: nothing is stored'] : [])],
    refused,
    consoleFolder: join(root, 'dist', 'console'),
  }
  const app = createApp(web, hints, (what, error) => log.error('a request failed', { what, error: errorText(error) }))
  const httpServer = httpListener(app)
  const tlsServer = tlsListener(app, pki.tls(), (request, socket, head) => link.handleUpgrade(request, socket, head))
  const http = await open(httpServer, options.http ?? settings.http, 'http')
  closers.push(() => closeServer(httpServer, 2_000))
  const tls = await open(tlsServer, options.tls ?? settings.tls, 'tls')
  closers.push(() => closeServer(tlsServer, 2_000))
  // Before the listener: a server's close waits for upgraded sockets.
  closers.push(() => link.close())
  closers.push(
    clock.every(3_600_000, 'pki.maintain', async () => {
      const change = await pki.maintain(clock.now())
      if (change.leaf || change.pins) tlsServer.setSecureContext(secureContext(pki.tls()))
      if (change.pins) link.announcePins()
    }),
  )

  const shown = (address: Listen): string => (address.host === '0.0.0.0' || address.host === '::' ? `localhost:${address.port}` : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`)
  // Tokens made for other machines carry a name by which those can reach us; one for this machine carries its own address.
  const linkUrl = `https://${tls.host === '0.0.0.0' || tls.host === '::' ? `${settings.names[0] ?? hostname()}:${tls.port}` : shown(tls)}`
  const addresses = { console: `https://${shown(tls)}`, http: `http://${shown(http)}`, tls: linkUrl }
  await state.db.insertInto('setting').values({ key: LINK_ADDRESS, value_json: JSON.stringify(linkUrl) }).onConflict((on) => on.column('key').doUpdateSet({ value_json: JSON.stringify(linkUrl) })).execute()
  const admin = await access.createFirstAdmin(clock.now())
  let firstRun: Collector['firstRun']
  if (admin !== undefined) {
    const readToken = await access.createToken({ name: 'first-run', role: 'reader', expiresAt: undefined }, 'system', clock.now())
    firstRun = { admin, readToken }
    const file: FirstRun = { console: addresses.console, http: addresses.http, admin, readToken }
    writeFirstRun(home, file)
  }
  ready = true
  log.info('collector started', { version, ...addresses, rules: rules.status().reduce((sum, group) => sum + group.rules.length, 0), series: store.stats().activeSeries })
  return {
    addresses,
    firstRun,
    createToken: (host, actor) => createToken(host, actor, `https://${shown(tls)}`),
    async reload() {
      await web.reload('signal:SIGHUP')
    },
    async close() {
      log.info('collector stopping')
      await closeAll()
    },
  }
}

/** A folder that has been in use and lost a part of itself: said loudly, because what is made anew is not what was there. */
function missingParts(home: string): string[] {
  const has = (name: string): boolean => existsSync(join(home, name))
  if (!has('first-run.json') && !has('state.db') && !has('metrics.db')) return []
  const problems: string[] = []
  if (!has('state.db')) problems.push('state.db is missing: incidents, accounts and tokens of before are gone, a new first administrator is made')
  if (!has('metrics.db')) problems.push('metrics.db is missing: all samples of before are gone')
  if (!has('pki')) problems.push('pki/ is missing: a new site CA is made and every agent must enrol again; restore the folder from a backup to keep the fleet')
  return problems
}

export { HomeError }

/** A real Alertmanager on a loopback port, a server that takes its webhooks, and our own routing behind its own API. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Hono } from 'hono'
import { systemClock } from '../../collector/clock.ts'
import type { Notification } from '../../collector/notify/flush.ts'
import { routeFileOrThrow } from '../../collector/notify/route-file.ts'
import { startDispatch } from '../../collector/notify/run-dispatch.ts'
import type { Dispatch } from '../../collector/notify/run-dispatch.ts'
import { isResolved } from '../../collector/notify/routed-alert.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { alertmanagerProbes, alertmanagerRoutes } from '../../collector/web/routes/alertmanager.ts'
import { freePort } from '../ports.ts'
import { callerOf } from '../web-dependencies.ts'

/** What was told, in a form both sides have. */
export interface Told {
  /** Receiver and number of the webhook within it: `r1/0`. */
  readonly to: string
  readonly groupKey: string
  readonly status: string
  /** `fingerprint firing`, in order of the text. */
  readonly alerts: readonly string[]
  readonly truncated: number
  /** Epoch ms of arrival. */
  readonly at: number
}

/** Whether that program can be started here. */
export function present(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined
}

interface Payload {
  groupKey: string
  status: string
  truncatedAlerts: number
  alerts: { fingerprint: string; status: string }[]
}

/** Takes webhooks at `/RUN/RECEIVER/INDEX`. */
export async function webhookServer(): Promise<{ readonly url: string; told(run: string): readonly Told[]; close(): void }> {
  const taken = new Map<string, Told[]>()
  const server: Server = createServer((request, response) => {
    const at = Date.now()
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
      const [, run = '', receiver = '', index = ''] = (request.url ?? '').split('/')
      const payload = JSON.parse(text) as Payload
      const list = taken.get(run) ?? []
      list.push({ to: `${receiver}/${index}`, groupKey: payload.groupKey, status: payload.status, truncated: payload.truncatedAlerts, at, alerts: payload.alerts.map((one) => `${one.fingerprint} ${one.status}`).sort() })
      taken.set(run, list)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    told: (run) => taken.get(run) ?? [],
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

export interface RealAlertmanager {
  readonly url: string
  stop(): Promise<void>
}

/** Starts Debian's Alertmanager without a cluster. */
export async function startAlertmanager(config: string): Promise<RealAlertmanager> {
  const folder = mkdtempSync(join(tmpdir(), 'zhishou-am-'))
  const file = join(folder, 'alertmanager.yml')
  writeFileSync(file, config)
  const port = await freePort()
  const child = spawn('prometheus-alertmanager', [`--config.file=${file}`, `--storage.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address=', '--log.level=error'], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, TZ: 'UTC', GOMAXPROCS: '1' } })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 150; tries++) {
    if (child.exitCode !== null) break
    const ready = await fetch(`${url}/-/ready`).then((reply) => reply.ok, () => false)
    if (ready) return { url, stop }
    await wait(100)
  }
  await stop()
  throw new Error(`alertmanager did not start: ${errors}`)
}

export interface OurAlertmanager {
  readonly app: Hono
  readonly dispatch: Dispatch
  readonly state: State
  readonly told: readonly Told[]
  stop(): Promise<void>
}

/** Our routing with the machine's clock, its notifications noted instead of sent, and the API in memory. */
export async function startOurs(config: string): Promise<OurAlertmanager> {
  const state = await openState(':memory:')
  const told: Told[] = []
  const failures: unknown[] = []
  const clock = systemClock((name, error) => failures.push([name, error]))
  const log = { warn: () => undefined, error: (message: string, fields?: unknown) => void failures.push([message, fields]) }
  const dispatch = await startDispatch({
    state, clock, log, routes: routeFileOrThrow('alertmanager.yml', config), retentionMs: 86_400_000, incidentOf: () => undefined, delivered: () => undefined,
    deliver(notification) {
      told.push(toldBy(notification))
      return Promise.resolve([`outbox-${told.length}`])
    },
  })
  const deps = {
    now: () => Date.now(), version: '9.9.9', startedAt: Date.now(), dispatch, refused: () => undefined,
    access: {
      bySession: () => Promise.resolve(undefined),
      byBearer: (token: string) => Promise.resolve(token.startsWith('bearer-') ? { ...callerOf(token.slice(7)), csrf: undefined } : undefined),
      stillSignedIn: () => Promise.resolve(false),
      signIn: () => Promise.reject(new Error('not here')),
      signOut: () => Promise.resolve(),
      changePassword: () => Promise.reject(new Error('not here')),
    },
  }
  const app = new Hono()
  app.route('/api/v2', alertmanagerRoutes(deps))
  app.route('/-', alertmanagerProbes())
  return {
    app, dispatch, state, told,
    async stop() {
      await dispatch.stop()
      await state.close()
      if (failures.length > 0) throw new Error(`our routing failed: ${JSON.stringify(failures.map(String))}`)
    },
  }
}

function toldBy(notification: Notification): Told {
  const index = notification.integration.name.replace('webhook/', '')
  return {
    to: `${notification.receiver}/${index}`, groupKey: notification.groupKey, status: notification.status, truncated: notification.truncatedAlerts, at: Date.now(),
    alerts: notification.alerts.map((alert) => `${alert.fingerprint} ${isResolved(alert, notification.at) ? 'resolved' : 'firing'}`).sort(),
  }
}

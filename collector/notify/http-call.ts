/**
 * One HTTP request with an end: a time limit over the whole exchange, a bounded answer, an optional proxy and authority.
 * Built on node:http, whose sockets can be given an authority and a proxy without a further package. Redirects are not
 * followed: they would carry secrets elsewhere.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { readNamed, readSecret, withoutSecrets } from './secret.ts'
import type { ChannelWorld } from './channel.ts'

/** Most bytes of an answer that are read; what is behind them is not needed. */
const ANSWER_BYTES = 64 * 1024
/** Longest wait that an answer may ask for. */
const LONGEST_RETRY_AFTER_MS = 3_600_000

/** What to ask. */
export interface HttpAsk {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** What came of it. `sent`: the request was out, so that the other side may have acted on it. */
export type HttpOutcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: Buffer; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'failed'; readonly why: string; readonly sent: boolean }

/** Asks; never rejects. Ends soon after the signal aborts. */
export type HttpCall = (ask: HttpAsk, signal: AbortSignal) => Promise<HttpOutcome>

/** The part of a channel's settings that says how the site is left. */
export interface OutwardSettings {
  readonly proxy?: string | undefined
  readonly proxyUser?: string | undefined
  readonly proxyPasswordFile?: string | undefined
  readonly proxyPasswordEnv?: string | undefined
  readonly caFile?: string | undefined
  readonly timeout: number
}

/** How a channel asks. `key` is its place in the settings. Throws SettingsError for a file that cannot be read. */
export function openHttp(key: string, settings: OutwardSettings, world: ChannelWorld, timeoutMs: number = settings.timeout): HttpCall {
  const ca = settings.caFile === undefined ? undefined : readNamed(`${key}.caFile`, settings.caFile, world)
  const password = readSecret(`${key}.proxyPassword`, settings.proxyPasswordFile, settings.proxyPasswordEnv, world)
  const secrets = password === undefined ? [] : [password]
  const proxyEnv = settings.proxy === undefined ? undefined : proxyOf(settings.proxy, settings.proxyUser, password)
  const proxied = proxyEnv === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxyEnv, HTTPS_PROXY: proxyEnv } }
  const trusted = ca === undefined ? {} : { ca }

  return (ask, signal) =>
    new Promise((resolve) => {
      let url: URL
      try {
        url = new URL(ask.url)
      } catch {
        return resolve({ kind: 'failed', why: 'the address cannot be read', sent: false })
      }
      let sent = false
      let timer: NodeJS.Timeout | undefined
      const secure = url.protocol === 'https:'
      // A connection each: faults are rare, and a kept one may be dead without our knowing.
      const agent = secure ? new HttpsAgent({ ...proxied, ...trusted, minVersion: 'TLSv1.2' }) : new HttpAgent(proxied)
      const end = (outcome: HttpOutcome): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        request.destroy()
        agent.destroy()
        resolve(outcome)
      }
      const fail = (why: string): void => end({ kind: 'failed', why: withoutSecrets(why, secrets).slice(0, 300), sent })
      const abort = (): void => fail('aborted')
      const body = ask.body
      const headers = { 'User-Agent': 'zhishou', Accept: '*/*', ...ask.headers, ...(body === undefined ? {} : { 'Content-Length': String(body.length) }) }
      let request: ClientRequest
      try {
        request = (secure ? httpsRequest : httpRequest)(url, { method: ask.method, headers, agent })
      } catch {
        // A header that cannot be one. The library's message would print it.
        agent.destroy()
        return resolve({ kind: 'failed', why: 'a header cannot be sent', sent: false })
      }
      timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs)
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) {
        request.on('error', () => undefined)
        return abort()
      }
      request.on('finish', () => {
        sent = true
      })
      request.on('error', (error) => fail(errorWords(error)))
      request.on('response', (response) => {
        sent = true
        const chunks: Buffer[] = []
        let length = 0
        const answer = (): void => {
          const retryAfterMs = retryAfter(response.headers['retry-after'])
          end({ kind: 'answer', status: response.statusCode ?? 0, body: Buffer.concat(chunks).subarray(0, ANSWER_BYTES), retryAfterMs })
        }
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          length += chunk.length
          if (length >= ANSWER_BYTES) answer()
        })
        response.on('end', answer)
        response.on('error', (error) => fail(errorWords(error)))
        response.on('close', () => {
          if (!response.complete) fail('the answer broke off')
        })
      })
      request.end(body)
    })
}

/** How long to wait before the next try, from the header: whole seconds or a date. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms)) : undefined
}

function proxyOf(proxy: string, user: string | undefined, password: string | undefined): string {
  const url = new URL(proxy)
  if (user !== undefined) {
    url.username = encodeURIComponent(user)
    url.password = encodeURIComponent(password ?? '')
  }
  return url.href
}

/** Code and message; Node's messages name host and port but no path, which may hold a secret. */
function errorWords(error: Error): string {
  const code: unknown = Reflect.get(error, 'code')
  // Several addresses of one host, all of which failed: the parts say why.
  const message = error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message
}

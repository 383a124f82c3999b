import { request } from 'node:https'
import { connect, type PeerCertificate, type DetailedPeerCertificate } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import * as z from 'zod/mini'
import { enrolReply, type EnrolReply, type EnrolRequest } from '../protocol/messages.ts'
import { faultOf, fingerprintOf, type Identity, newKey, proofOf } from './link/identity.ts'

const TIMEOUT_MS = 15_000
const LARGEST_REPLY = 64 * 1024

/** What a one-time token says. Its text is `zs1.` and this as JSON in base64url, with one-letter names. */
export interface Token {
  /** `https://host:port` of the collector. */
  readonly url: string
  /** SHA-256 of the site CA's DER, lower-case hex. */
  readonly fingerprint: string
  readonly secret: string
  /** Host the token was made for. */
  readonly host: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** Why enrolling failed, as people should read it: Chinese, then English. */
export class EnrolError extends Error {
  constructor(chinese: string, english: string, cause?: unknown) {
    super(`${chinese} (${english})`, cause === undefined ? undefined : { cause })
    this.name = 'EnrolError'
  }
}

const tokenBody = z.strictObject({ u: z.string(), f: z.string().check(z.regex(/^[0-9a-fA-F]{64}$/)), s: z.string().check(z.minLength(1)), h: z.string().check(z.minLength(1)), e: z.number() })

/** Reads a token's text. Throws EnrolError where it is none or has expired. */
export function parseToken(text: string, nowMs: number): Token {
  const trimmed = text.trim()
  if (!trimmed.startsWith('zs1.')) throw new EnrolError('令牌格式不对：应以 zs1. 开头，请完整复制', 'not a token: it must begin with zs1.')
  let body: z.infer<typeof tokenBody>
  let url: URL
  try {
    body = tokenBody.parse(JSON.parse(Buffer.from(trimmed.slice(4), 'base64url').toString('utf8')))
    url = new URL(body.u)
  } catch (cause) {
    throw new EnrolError('令牌不完整或被改动，请重新复制', 'the token is damaged', cause)
  }
  if (url.protocol !== 'https:') throw new EnrolError(`令牌里的地址 ${body.u} 不是 https`, 'the token names an address that is not https')
  if (nowMs >= body.e) throw new EnrolError(`令牌已于 ${new Date(body.e).toISOString()} 过期，请在采集中心重新生成`, 'the token has expired; check this clock too')
  return { url: url.origin, fingerprint: body.f.toLowerCase(), secret: body.s, host: body.h, expiresAt: body.e }
}

/**
 * The certificate with this fingerprint among those that a server presents, as PEM. Nothing is sent but the TLS
 * handshake. That it is presented proves nothing yet (anyone may present a CA's certificate): the next connection, which
 * trusts only this certificate, does.
 */
async function presentedCa(url: URL, fingerprint: string): Promise<string> {
  const leaf = await new Promise<DetailedPeerCertificate>((resolve, reject) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port === '' ? 443 : url.port), rejectUnauthorized: false, timeout: TIMEOUT_MS }, () => {
      resolve(socket.getPeerCertificate(true))
      socket.destroy()
    })
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    socket.on('error', reject)
  }).catch((cause: unknown) => {
    throw new EnrolError(`连不上采集中心 ${url.origin}，请检查地址、端口和防火墙`, `cannot reach ${url.origin}`, cause)
  })
  const seen = new Set<string>()
  for (let next: PeerCertificate | undefined = leaf; next?.raw !== undefined; next = 'issuerCertificate' in next ? (next as DetailedPeerCertificate).issuerCertificate : undefined) {
    const found = fingerprintOf(next.raw)
    if (found === fingerprint) return new X509Certificate(next.raw).toString()
    if (seen.has(found)) break
    seen.add(found)
  }
  throw new EnrolError(
    `采集中心 ${url.origin} 出示的证书链里没有令牌指定的站点 CA（指纹 ${fingerprint.slice(0, 16)}…），可能连错了地址或被中间人拦截，未发送任何数据`,
    'the server did not present the site CA named by the token; nothing was sent',
  )
}

/** POSTs JSON to a server that must chain to `ca`; gives status and body. */
function post(url: URL, ca: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL('/enrol', url),
      {
        method: 'POST',
        agent: false,
        ca: [ca],
        rejectUnauthorized: true,
        // The token's fingerprint is the identity; the name in the certificate may be another address of the same site.
        checkServerIdentity: () => undefined,
        minVersion: 'TLSv1.2',
        timeout: TIMEOUT_MS,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (incoming) => {
        const parts: Buffer[] = []
        let size = 0
        incoming.on('data', (part: Buffer) => {
          size += part.length
          if (size > LARGEST_REPLY) outgoing.destroy(new Error(`the answer is longer than ${LARGEST_REPLY} bytes`))
          else parts.push(part)
        })
        incoming.on('error', reject)
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }))
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function parseReply(status: number, text: string): EnrolReply {
  if (status !== 200) {
    const shown = text.slice(0, 500)
    switch (status) {
      case 401:
      case 403:
        throw new EnrolError(`采集中心拒绝了令牌：可能已用过、已过期，或主机名不符。对方回答：${shown}`, `the collector refused the token, status ${status}`)
      case 404:
        throw new EnrolError('对方没有登记接口，地址可能不是采集中心', 'no /enrol there: not a collector')
      case 429:
        throw new EnrolError('尝试次数过多，请稍后再试', 'too many attempts; try again later')
      default:
        throw new EnrolError(`采集中心未能完成登记，状态码 ${status}。对方回答：${shown}`, `the collector failed with status ${status}`)
    }
  }
  try {
    return enrolReply.parse(JSON.parse(text))
  } catch (cause) {
    throw new EnrolError('采集中心的回答看不懂，版本可能不一致', 'the answer is malformed; versions may differ', cause)
  }
}

/**
 * Trades a one-time token for an identity: makes a key (its private half never leaves this process), verifies that the
 * server chains to the CA whose fingerprint the token carries, and only then sends the token's secret.
 * Throws EnrolError; the caller stores what comes back.
 */
export async function enrol(token: Token, host: string, now: () => number): Promise<Identity> {
  if (token.host !== host) {
    throw new EnrolError(`令牌是为主机 ${token.host} 生成的，本机是 ${host}；如确为本机，请加 --host ${token.host}`, `the token is for ${token.host}, this host is ${host}`)
  }
  const url = new URL(token.url)
  const ca = await presentedCa(url, token.fingerprint)
  const { key, publicKey } = newKey()
  const body: EnrolRequest = { token: token.secret, host, publicKey, proof: Buffer.from(proofOf(key, `zhishou-enrol:${token.secret}`)).toString('base64') }
  const { status, text } = await post(url, ca, JSON.stringify(body)).catch((cause: unknown) => {
    throw new EnrolError(`与采集中心 ${url.origin} 的连接失败：证书未通过令牌指纹校验，或连接中断`, 'the connection failed: the server does not chain to the CA named by the token, or it was cut', cause)
  })
  const reply = parseReply(status, text)
  const identity: Identity = { instance: reply.instance, collectors: [url.origin], key, certificate: reply.certificate, pins: reply.pins }
  const fault = faultOf(identity, now())
  if (fault !== undefined) throw new EnrolError(`采集中心发回的证书不可用：${fault}`, `the certificate is of no use: ${fault}`)
  if (!reply.pins.some((pin) => fingerprintOf(pin) === token.fingerprint)) throw new EnrolError('采集中心发回的 CA 与令牌不符', 'the CA that came back is not the one the token names')
  return identity
}

/** POST /enrol: a one-time token and the agent's own key against a client certificate. Knows nothing of HTTP but statuses. */
import { verify } from 'node:crypto'
import type { EnrolReply, EnrolRequest } from '../../protocol/messages.ts'
import type { RefusalCode } from '../../protocol/reply.ts'
import { createAttempts } from './attempts.ts'
import { agentKey } from './certificates.ts'
import type { Identities } from './identities.ts'
import type { Pki } from './pki.ts'
import { parseToken, secretHash } from './tokens.ts'

export interface EnrolmentDependencies {
  readonly pki: Pick<Pki, 'issue' | 'pins' | 'revoke'>
  readonly identities: Pick<Identities, 'token' | 'enrol'>
  /** Counts a refusal: `zhishou_refused_total{what,code}`. */
  readonly refused: (what: string, code: RefusalCode) => void
  /** A new agent is in the fleet; `superseded` are serials whose live connections must end. */
  readonly onEnrolled: (instance: string, superseded: readonly string[], now: number) => void
}

/** An error's body is `{code, message}` as everywhere in the API; the message is a sentence for the person enrolling. */
export type EnrolAnswer =
  | { readonly kind: 'accepted'; readonly status: 200; readonly body: EnrolReply }
  | { readonly kind: 'retry'; readonly status: 429; readonly body: EnrolProblem; readonly retryAfterMs: number }
  | { readonly kind: 'refused'; readonly status: 400 | 401 | 403; readonly code: RefusalCode; readonly body: EnrolProblem }

export interface EnrolProblem {
  readonly code: RefusalCode
  readonly message: string
}

/** Ten wrong tries in ten minutes from one address, then it waits. Successful ones do not count: a fleet shares a NAT. */
const LIMITS = { failures: 10, windowMs: 600_000, addresses: 10_000 }

export interface Enrolments {
  /** Rejects only when state.db or the disk fails; the token is then still unused. */
  enrol(request: EnrolRequest, now: number, address: string): Promise<EnrolAnswer>
}

export function createEnrolments({ pki, identities, refused, onEnrolled }: EnrolmentDependencies): Enrolments {
  const attempts = createAttempts(LIMITS)

  const judge = async (request: EnrolRequest, now: number): Promise<EnrolAnswer> => {
    const secret = secretOf(request.token)
    if (secret === undefined) return problem(400, 'malformed', '登记令牌格式不正确，请完整复制')
    const proof = proofProblem(request)
    if (proof !== undefined) return problem(400, 'malformed', proof)
    const hash = secretHash(secret)
    const token = await identities.token(hash)
    if (token === undefined) return problem(401, 'unauthenticated', '登记令牌无效')
    // Whoever reaches this line holds the secret, so plain answers give nothing away. None of them spends the token.
    if (token.usedAt !== undefined) return problem(403, 'unauthenticated', '登记令牌已被使用，请重新生成')
    if (token.expiresAt <= now) return problem(403, 'expired', '登记令牌已过期，请重新生成')
    if (token.host !== request.host) return problem(403, 'unauthenticated', `登记令牌是为主机 ${token.host} 生成的，本机名称是 ${request.host}`)

    const certificate = await pki.issue(token.host, request.publicKey, now)
    const outcome = await identities.enrol({ secretHash: hash, certificate: { ...certificate, instance: token.host }, now })
    if (outcome.kind === 'spent') return problem(403, 'unauthenticated', '登记令牌已被使用，请重新生成')
    pki.revoke(outcome.superseded, now, `${token.host} enrolled again`)
    onEnrolled(token.host, outcome.superseded, now)
    return { kind: 'accepted', status: 200, body: { instance: token.host, certificate: certificate.pem, pins: [...pki.pins()] } }
  }

  return {
    async enrol(request, now, address) {
      const retryAfterMs = attempts.waitMs(address, now)
      if (retryAfterMs > 0) {
        refused('enrol', 'limit')
        return { kind: 'retry', status: 429, retryAfterMs, body: { code: 'limit', message: '登记失败次数过多，请稍后再试' } }
      }
      const answer = await judge(request, now)
      if (answer.kind === 'refused') {
        attempts.failed(address, now)
        refused('enrol', answer.code)
      }
      return answer
    },
  }
}

function problem(status: 400 | 401 | 403, code: RefusalCode, message: string): EnrolAnswer {
  return { kind: 'refused', status, code, body: { code, message } }
}

/** The request's `token` is the secret, or the whole text an operator was given. */
function secretOf(token: string): string | undefined {
  if (/^[A-Za-z0-9_-]{43}$/.test(token)) return token
  try {
    return parseToken(token).secret
  } catch {
    return undefined
  }
}

/** The proof shows that the key is the sender's own: otherwise a token could be used to certify somebody else's key. */
function proofProblem(request: EnrolRequest): string | undefined {
  try {
    const key = agentKey(request.publicKey)
    return verify(null, Buffer.from(`zhishou-enrol:${request.token}`), key, Buffer.from(request.proof, 'base64')) ? undefined : '密钥签名不正确'
  } catch {
    return '公钥必须是 Ed25519（SPKI PEM）'
  }
}

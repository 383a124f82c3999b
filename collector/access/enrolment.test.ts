import { X509Certificate, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { seed } from '../../test/scale.ts'
import { type State, openState } from '../state/open.ts'
import { createAttempts } from './attempts.ts'
import { DAY_MS } from './certificates.ts'
import { createEnrolments } from './enrolment.ts'
import { createStateIdentities } from './identities-state.ts'
import { type Pki, openPki } from './pki.ts'
import { completeRevocations, removeAgent } from './removal.ts'
import { makeToken, parseToken, secretHash } from './tokens.ts'

const NOW = Date.UTC(2026, 10, 22)
const root = mkdtempSync(join(tmpdir(), 'zhishou-enrol-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
let state: State
let pki: Pki
beforeEach(async () => {
  state = await openState(':memory:', NOW)
  pki = await openPki({ folder: join(root, String(folders++)), names: [] }, NOW)
})
afterEach(() => state.close())

function setUp() {
  const identities = createStateIdentities(state)
  const refusals: string[] = []
  const enrolled: { instance: string; superseded: readonly string[] }[] = []
  const enrolments = createEnrolments({ pki, identities, refused: (what, code) => refusals.push(`${what}/${code}`), onEnrolled: (instance, superseded) => enrolled.push({ instance, superseded }) })
  const token = async (host = 'web-01', lifeMs = DAY_MS) => {
    const made = makeToken({ url: 'https://collector.example:8643', fingerprint: pki.fingerprint(), host, lifeMs, now: NOW })
    await identities.addToken(made.entry)
    return made.text
  }
  return { identities, enrolments, token, refusals, enrolled }
}

function request(token: string, host = 'web-01', keys = generateKeyPairSync('ed25519')) {
  return { token, host, publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(), proof: sign(null, Buffer.from(`zhishou-enrol:${token}`), keys.privateKey).toString('base64') }
}

describe('enrolling', () => {
  test.each([
    ['the whole text', (text: string) => text],
    ['its secret alone', (text: string) => parseToken(text).secret],
  ])('%s buys a certificate for the host it names, and the agent is known', async (_, form) => {
    const { identities, enrolments, token, enrolled, refusals } = setUp()
    const answer = await enrolments.enrol(request(form(await token())), NOW, '10.0.0.1')
    if (answer.kind !== 'accepted') throw new Error(answer.body.message)
    expect(answer.body.instance).toBe('web-01')
    expect(answer.body.pins).toEqual(pki.pins())
    const certificate = new X509Certificate(answer.body.certificate)
    expect(pki.judge(certificate, NOW)).toMatchObject({ kind: 'known', instance: 'web-01' })
    expect(await identities.agent('web-01')).toMatchObject({ createdAt: NOW, removedAt: undefined })
    expect(await identities.certificates('web-01')).toMatchObject([{ serial: certificate.serialNumber, revokedAt: undefined }])
    expect(enrolled).toEqual([{ instance: 'web-01', superseded: [] }])
    expect(refusals).toEqual([])
  })

  test('of many racing uses of one token exactly one wins', async () => {
    const { identities, enrolments, token } = setUp()
    const text = await token()
    const answers = await Promise.all(Array.from({ length: 8 }, () => enrolments.enrol(request(text), NOW, '10.0.0.1')))
    expect(answers.filter((answer) => answer.kind === 'accepted')).toHaveLength(1)
    expect(await identities.certificates('web-01')).toHaveLength(1)
  })

  test('only a hash of the secret is stored', async () => {
    const { token } = setUp()
    const secret = parseToken(await token()).secret
    const row = await state.db.selectFrom('enrol_token').selectAll().executeTakeFirstOrThrow()
    expect(row.secret_hash).toBe(secretHash(secret))
    expect(JSON.stringify(row)).not.toContain(secret)
  })

  test('enrolling again takes the old certificates out', async () => {
    const { identities, enrolments, token, enrolled } = setUp()
    const first = await enrolments.enrol(request(await token()), NOW, '10.0.0.1')
    if (first.kind !== 'accepted') throw new Error('refused')
    await enrolments.enrol(request(await token()), NOW + 1, '10.0.0.1')
    const old = new X509Certificate(first.body.certificate)
    expect(pki.judge(old, NOW + 1)).toMatchObject({ code: 'revoked' })
    expect(enrolled[1]).toEqual({ instance: 'web-01', superseded: [old.serialNumber] })
    expect((await identities.certificates('web-01')).map((one) => one.revokedAt)).toEqual([NOW + 1, undefined])
  })

  test('a removed host comes back with a new token', async () => {
    const { identities, enrolments, token } = setUp()
    await enrolments.enrol(request(await token()), NOW, '10.0.0.1')
    const serials = await removeAgent({ pki, identities }, 'web-01', 'scrapped', NOW + 1)
    expect(serials).toHaveLength(1)
    expect(pki.revoked()).toEqual(serials)
    expect(await identities.agents()).toEqual([])
    await enrolments.enrol(request(await token()), NOW + 2, '10.0.0.1')
    expect(await identities.agents()).toMatchObject([{ instance: 'web-01' }])
  })

  test('a revocation that reached only state.db is completed at start', async () => {
    const { identities, enrolments, token } = setUp()
    await enrolments.enrol(request(await token()), NOW, '10.0.0.1')
    const serials = await identities.remove('web-01', NOW, 'crash')
    expect(pki.revoked()).toEqual([])
    await completeRevocations({ pki, identities }, NOW)
    expect(pki.revoked()).toEqual(serials)
  })
})

describe('refusing', () => {
  test.each<[string, (text: string) => ReturnType<typeof request>, number, number, string]>([
    ['an unknown token', () => request(makeToken({ url: 'https://x:1', fingerprint: 'a'.repeat(64), host: 'web-01', lifeMs: 1, now: NOW }).text), 0, 401, 'unauthenticated'],
    ['a text that is no token', () => request('hello'), 0, 400, 'malformed'],
    ['an expired token', (text) => request(text), DAY_MS, 403, 'expired'],
    ['another host', (text) => request(text, 'web-02'), 0, 403, 'unauthenticated'],
    ["a proof by another key", (text) => ({ ...request(text), publicKey: request(text).publicKey }), 0, 400, 'malformed'],
    ['a proof for another token', (text) => ({ ...request(`${text}x`), token: text }), 0, 400, 'malformed'],
    ['an empty proof', (text) => ({ ...request(text), proof: '' }), 0, 400, 'malformed'],
    ['a key of another kind', (text) => ({ ...request(text), publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString() }), 0, 400, 'malformed'],
  ])('%s, without spending the token', async (_, make, laterMs, status, code) => {
    const { identities, enrolments, token, refusals } = setUp()
    const text = await token()
    const answer = await enrolments.enrol(make(text), NOW + laterMs, '10.0.0.1')
    expect(answer).toMatchObject({ kind: 'refused', status, body: { code } })
    expect(refusals).toEqual([`enrol/${code}`])
    expect((await identities.token(secretHash(parseToken(text).secret)))?.usedAt).toBeUndefined()
    expect(await identities.agents()).toEqual([])
  })

  test('a used token is refused', async () => {
    const { enrolments, token } = setUp()
    const text = await token()
    await enrolments.enrol(request(text), NOW, '10.0.0.1')
    expect(await enrolments.enrol(request(text), NOW, '10.0.0.1')).toMatchObject({ kind: 'refused', status: 403 })
  })

  test('an address that fails ten times waits; others do not, and the wait ends', async () => {
    const { enrolments, token, refusals } = setUp()
    for (let n = 0; n < 10; n++) expect(await enrolments.enrol(request('wrong'), NOW + n, '10.0.0.1')).toMatchObject({ kind: 'refused' })
    const text = await token()
    expect(await enrolments.enrol(request(text), NOW + 20, '10.0.0.1')).toMatchObject({ kind: 'retry', status: 429, retryAfterMs: 599_980, body: { code: 'limit' } })
    expect(refusals.at(-1)).toBe('enrol/limit')
    expect(await enrolments.enrol(request(text), NOW + 600_001, '10.0.0.1')).toMatchObject({ kind: 'accepted' })
    expect(await enrolments.enrol(request(await token()), NOW + 20, '10.0.0.2')).toMatchObject({ kind: 'accepted' })
  })
})

test('attempts: never more failures in a window than allowed, and memory is bounded', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 400 })), { maxLength: 200 }), (tries) => {
      const attempts = createAttempts({ failures: 3, windowMs: 1_000, addresses: 10 })
      const allowed = new Map<number, number[]>()
      let now = 0
      for (const [address, step] of tries) {
        now += step
        if (attempts.waitMs(String(address), now) > 0) continue
        const times = [...(allowed.get(address) ?? []), now]
        allowed.set(address, times)
        attempts.failed(String(address), now)
        expect(times.filter((at) => at > now - 1_000).length).toBeLessThanOrEqual(3)
      }
    }),
    { seed },
  )
})

describe('token text', () => {
  test('reads back what it was made of', () => {
    const made = makeToken({ url: 'https://[::1]:8643', fingerprint: 'b'.repeat(64), host: '数据库-01', lifeMs: 3_600_000, now: NOW })
    expect(made.text).toMatch(/^zs1\.[A-Za-z0-9_-]+$/)
    expect(made.text.length).toBeLessThan(400)
    expect(parseToken(made.text)).toMatchObject({ url: 'https://[::1]:8643', fingerprint: 'b'.repeat(64), host: '数据库-01', expiresAt: NOW + 3_600_000 })
    expect(secretHash(parseToken(made.text).secret)).toBe(made.entry.secretHash)
  })

  test('anything else is an error that does not repeat the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string().map((text) => `zs1.${text}`), fc.json().map((text) => `zs1.${Buffer.from(text).toString('base64url')}`)), (text) => {
        let message = ''
        try {
          parseToken(text)
        } catch (error) {
          message = (error as Error).message
        }
        expect(message).toMatch(/^enrolment token: /)
        if (text.length > 12) expect(message).not.toContain(text.slice(4))
      }),
      { seed },
    )
  })
})

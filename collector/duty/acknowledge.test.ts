import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { openState } from '../state/open.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { readAckToken, signAckToken } from './ack-link.ts'
import type { AckClaim, AckKey } from './ack-link.ts'
import { ackKeys, forgetOldAcks, noteReply, replyCode, seenReply } from './ack-storage.ts'
import { answerSms, confirmLink, issueLink, lookAtLink, lookAtSms } from './acknowledge.ts'
import type { AckContext } from './acknowledge.ts'
import { parseDutyFile } from './duty-file.ts'
import { loadDuty } from './load.ts'
import { codeInReply, freeCode, plainNumber } from './reply-code.ts'

const NOW = Date.parse('2026-11-22T02:00:00Z')
const HOUR = 3_600_000
const DAY = 24 * HOUR

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((list) => Buffer.from(list).toString('base64url'))
const keyOf: fc.Arbitrary<AckKey> = fc.record({ id: fc.stringMatching(/^[a-z]{1,8}$/), secret: bytes(32) })
const claimOf: fc.Arbitrary<AckClaim> = fc.record({
  incident: fc.stringMatching(/^F\d{8}-\d{3}$/), person: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), purpose: fc.constantFrom('acknowledge', 'report'), expiresAt: fc.integer({ min: 1, max: 4_000_000_000 }).map((s) => s * 1_000), nonce: bytes(16),
})

describe('signed tokens', () => {
  const runs = { seed, numRuns: scaled(200, 10_000) }

  it('say what was signed, until they expire, for their purpose, under any key still kept', () => {
    fc.assert(
      fc.property(claimOf, keyOf, fc.array(keyOf, { maxLength: 3 }), (claim, key, others) => {
        const token = signAckToken(claim, key)
        expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/)
        expect(readAckToken(token, [...others, key], claim.purpose, claim.expiresAt - 1)).toEqual({ kind: 'valid', claim })
        expect(readAckToken(token, [key], claim.purpose, claim.expiresAt)).toEqual({ kind: 'expired', claim })
        expect(readAckToken(token, [key], 'something-else', 0).kind).toBe('other-purpose')
        expect(readAckToken(token, others.filter((other) => other.secret !== key.secret), claim.purpose, 0)).toEqual({ kind: 'forged' })
      }),
      runs,
    )
  })

  it('any other text is forged: a changed, lost or added character, another incident under the old signature', () => {
    fc.assert(
      fc.property(claimOf, keyOf, fc.nat(), fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_', '.', '='), (claim, key, place, character) => {
        const token = signAckToken(claim, key)
        const at = place % token.length
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        const texts = [token.slice(0, at) + token.slice(at + 1), token.slice(0, at) + character + token.slice(at), `${token}=`, `${token}.`, token.slice(0, at), ...(changed === token ? [] : [changed])]
        for (const text of texts) expect(readAckToken(text, [key], claim.purpose, 0)).toEqual({ kind: 'forged' })
        const other = signAckToken({ ...claim, incident: 'F20990101-001' }, key)
        expect(readAckToken(`${other.split('.')[0]}.${token.split('.')[1]}`, [key], claim.purpose, 0)).toEqual({ kind: 'forged' })
      }),
      runs,
    )
    expect(readAckToken('x'.repeat(10_000), [{ id: 'a', secret: 'A'.repeat(43) }], 'acknowledge', 0)).toEqual({ kind: 'forged' })
  })

  it('only one spelling of a signature is taken, though the last character has spare bits', () => {
    const key = { id: 'k', secret: Buffer.alloc(32, 7).toString('base64url') }
    const token = signAckToken({ incident: 'F1', person: 'p', purpose: 'acknowledge', expiresAt: 2_000, nonce: Buffer.alloc(16).toString('base64url') }, key)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1)!)
    const twin = token.slice(0, -1) + alphabet[last ^ 1]
    expect(Buffer.from(twin.split('.')[1]!, 'base64url')).toEqual(Buffer.from(token.split('.')[1]!, 'base64url'))
    expect(readAckToken(twin, [key], 'acknowledge', 0)).toEqual({ kind: 'forged' })
  })
})

describe('reply codes', () => {
  it('are free ones, all ten thousand of them if need be', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.nat(9_999), { maxLength: 300 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (taken, random) => {
      const set = new Set(taken.map((n) => String(n).padStart(4, '0')))
      const code = freeCode(set, random)!
      expect(code).toMatch(/^\d{4}$/)
      expect(set.has(code)).toBe(false)
    }), { seed, numRuns: scaled(100, 2_000) })
    const all = new Set(Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, '0')))
    expect(freeCode(all, 0.5)).toBeUndefined()
    all.delete('0007')
    expect(freeCode(all, 0.9999)).toBe('0007')
  })

  it.each([
    ['1234', '1234'], [' 1234。', '1234'], ['１２３４', '1234'], ['响应1234', '1234'], ['收到 1234 谢谢', '1234'], ['1234 1234', '1234'],
    ['12345', undefined], ['123', undefined], ['1234 5678', undefined], ['好的', undefined], ['', undefined], ['2026年 1234', undefined],
  ])('in %j is %s', (text, code) => {
    expect(codeInReply(text)).toBe(code)
  })

  it.each([['+86 138-0000-0000', '13800000000'], ['008613800000000', '13800000000'], ['8613800000000', '13800000000'], ['13800000000', '13800000000'], ['01088886666', '01088886666']])('number %s is %s', (phone, plain) => {
    expect(plainNumber(phone)).toBe(plain)
  })
})

describe('acknowledging from the message', () => {
  let state: State
  let context: AckContext
  beforeEach(async () => {
    state = await openState(':memory:')
    const { calendar, wording } = loadDuty({ alerts: new URL('../../alerts/', import.meta.url).pathname })
    const file = parseDutyFile(
      `people:\n  - { id: a, name: 甲, addresses: { phone: '13800000000' } }\n  - { id: b, name: 乙, addresses: { phone: '+8613900000000' } }\nrosters:\n  - { name: r, title: 班, rotation: { anchor: 2026-01-01, unit: day, turns: [a] }, shifts: [{ name: s, title: 班, days: [workday], start: '08:00', end: '18:00' }] }\n`,
      'duty.yml',
    )
    context = { plan: { file, calendar, overrides: [], zone: 'Asia/Shanghai' }, wording }
  })
  afterEach(() => state.close())
  const within = <T>(act: (trx: StateTransaction) => Promise<T>): Promise<T> => state.db.transaction().execute(act)

  it('a link may be looked at often, counts once, and says who and how', async () => {
    const token = await within((trx) => issueLink(trx, 'F20261122-001', 'a', DAY, NOW))
    for (let look = 0; look < 3; look++) expect(await within((trx) => lookAtLink(trx, context, token, NOW + look))).toMatchObject({ kind: 'page', claim: { incident: 'F20261122-001', person: 'a' }, person: { name: '甲' } })
    expect(await within((trx) => confirmLink(trx, context, token, NOW + HOUR))).toEqual({
      kind: 'acknowledged', acknowledgement: { incident: 'F20261122-001', person: 'a', name: '甲', source: { kind: 'link' }, detail: '甲通过消息中的链接确认响应' },
    })
    const again = { kind: 'refused', why: 'used', text: '链接已在 11-22 11:00 使用过' }
    expect(await within((trx) => confirmLink(trx, context, token, NOW + 2 * HOUR))).toEqual(again)
    expect(await within((trx) => lookAtLink(trx, context, token, NOW + 2 * DAY))).toEqual(again)
  })

  it('two confirmations at once: one counts', async () => {
    const token = await within((trx) => issueLink(trx, 'F20261122-001', 'a', DAY, NOW))
    const results = await Promise.all(Array.from({ length: 5 }, () => within((trx) => confirmLink(trx, context, token, NOW))))
    expect(results.filter((one) => one.kind === 'acknowledged')).toHaveLength(1)
  })

  it('what is undone with its transaction can be confirmed again', async () => {
    const token = await within((trx) => issueLink(trx, 'F20261122-001', 'a', DAY, NOW))
    await expect(within(async (trx) => {
      expect((await confirmLink(trx, context, token, NOW)).kind).toBe('acknowledged')
      throw new Error('the incident refused')
    })).rejects.toThrow('the incident refused')
    expect((await within((trx) => confirmLink(trx, context, token, NOW))).kind).toBe('acknowledged')
  })

  it('refuses what expired, was forged, or is somebody’s who left, in words', async () => {
    const token = await within((trx) => issueLink(trx, 'F20261122-001', 'a', 30 * DAY, NOW))
    expect(await within((trx) => confirmLink(trx, context, token, NOW + 3 * DAY - 1_000))).toMatchObject({ kind: 'acknowledged' })
    const other = await within((trx) => issueLink(trx, 'F20261122-001', 'a', 30 * DAY, NOW))
    expect(await within((trx) => confirmLink(trx, context, other, NOW + 3 * DAY))).toEqual({ kind: 'refused', why: 'expired', text: '链接已过期，请登录控制台处理' })
    expect(await within((trx) => confirmLink(trx, context, `${other}x`, NOW))).toMatchObject({ why: 'forged' })
    const gone = await within((trx) => issueLink(trx, 'F20261122-001', 'x', DAY, NOW))
    expect(await within((trx) => confirmLink(trx, context, gone, NOW))).toMatchObject({ why: 'unknown-person' })
  })

  it('keys are random, replaced by age, and kept while their links live', async () => {
    const [first] = await within((trx) => ackKeys(trx, NOW))
    const late = await within((trx) => issueLink(trx, 'F20261122-001', 'a', 3 * DAY, NOW + 30 * DAY - 1_000))
    const second = await within((trx) => ackKeys(trx, NOW + 30 * DAY))
    expect(second.map((key) => key.id)).toEqual([second[0].id, first.id])
    expect(second[0].secret).not.toBe(first.secret)
    expect((await within((trx) => confirmLink(trx, context, late, NOW + 32 * DAY))).kind).toBe('acknowledged')
    const third = await within((trx) => ackKeys(trx, NOW + 60 * DAY))
    expect(third.map((key) => key.id)).toEqual([third[0].id, second[0].id])
    const audit = await state.db.selectFrom('audit').select(['action', 'detail_json']).execute()
    expect(audit.map((row) => row.action)).toEqual(['duty.ack-key', 'duty.ack-key', 'duty.ack-key'])
    for (const row of audit) for (const key of third) expect(row.detail_json).not.toContain(key.secret)
  })

  it('an SMS answer counts for whom the code was sent to, once, until it expires', async () => {
    const code = (await within((trx) => replyCode(trx, 'F20261122-001', 'a', DAY, NOW)))!
    expect(await within((trx) => replyCode(trx, 'F20261122-001', 'a', DAY, NOW + HOUR))).toBe(code)
    expect(await within((trx) => replyCode(trx, 'F20261122-002', 'a', DAY, NOW))).not.toBe(code)
    expect(await within((trx) => answerSms(trx, context, '13900000000', code, NOW))).toMatchObject({ why: 'wrong-code' })
    expect(await within((trx) => answerSms(trx, context, '13700000000', code, NOW))).toMatchObject({ why: 'unknown-number' })
    expect(await within((trx) => answerSms(trx, context, '13800000000', '好的', NOW))).toMatchObject({ why: 'no-code' })
    expect(await within((trx) => answerSms(trx, context, '+8613800000000', `收到 ${code}`, NOW))).toEqual({
      kind: 'acknowledged', acknowledgement: { incident: 'F20261122-001', person: 'a', name: '甲', source: { kind: 'sms-reply' }, detail: `甲回复短信（代码 ${code}）确认响应` },
    })
    expect(await within((trx) => answerSms(trx, context, '13800000000', code, NOW + 60_000))).toEqual({ kind: 'refused', why: 'code-used', text: '该代码已在 11-22 10:00 使用过' })
    // A reopened incident gets a new code.
    const second = (await within((trx) => replyCode(trx, 'F20261122-001', 'a', HOUR, NOW)))!
    expect(second).not.toBe(code)
    expect(await within((trx) => answerSms(trx, context, '13800000000', second, NOW + HOUR))).toMatchObject({ why: 'wrong-code' })
  })

  it('looking at an answer says what it would come to and uses nothing up', async () => {
    const code = (await within((trx) => replyCode(trx, 'F20261122-001', 'a', DAY, NOW)))!
    const look = (phone: string, text: string) => within((trx) => lookAtSms(trx, context, { phone, text, id: undefined }, NOW))
    for (let times = 0; times < 8; times++) expect(await look('13800000000', '0000000')).toMatchObject({ why: 'no-code' })
    for (let times = 0; times < 8; times++) expect(await look('13900000000', code)).toMatchObject({ why: 'wrong-code' })
    expect(await look('13700000000', code)).toMatchObject({ why: 'unknown-number' })
    expect(await look('13800000000', code)).toMatchObject({ kind: 'acknowledged', acknowledgement: { incident: 'F20261122-001' } })
    expect(await within((trx) => answerSms(trx, context, '13800000000', code, NOW))).toMatchObject({ kind: 'acknowledged' })
    expect(await look('13800000000', code)).toMatchObject({ why: 'code-used' })
  })

  it('an answer is known again by its id for a week, without one by its text for ten minutes, on its own channel', async () => {
    const answer = { phone: '13800000000', text: '4711', id: 'm1' }
    const seen = (what: typeof answer | (Omit<typeof answer, 'id'> & { readonly id: undefined }), at: number, channel = 'sms') => within((trx) => seenReply(trx, channel, what, at))
    expect(await seen(answer, NOW)).toBe(false)
    await within((trx) => noteReply(trx, 'sms', answer, NOW))
    expect(await seen({ ...answer, text: 'other' }, NOW + 7 * DAY - 1)).toBe(true)
    expect(await seen(answer, NOW + 7 * DAY)).toBe(false)
    expect(await seen(answer, NOW, 'sms-2')).toBe(false)
    expect(await seen({ ...answer, id: 'm2' }, NOW)).toBe(false)
    const nameless = { ...answer, id: undefined }
    await within((trx) => noteReply(trx, 'sms', nameless, NOW))
    expect(await seen(nameless, NOW + 599_999)).toBe(true)
    expect(await seen({ ...nameless, text: '4712' }, NOW)).toBe(false)
    expect(await seen(nameless, NOW + 600_000)).toBe(false)
    // Neither numbers nor texts are kept.
    expect(JSON.stringify(await state.db.selectFrom('sms_reply_seen').selectAll().execute())).not.toMatch(/13800000000|4711/)
    await within((trx) => forgetOldAcks(trx, NOW + 8 * DAY))
    expect(await state.db.selectFrom('sms_reply_seen').selectAll().execute()).toEqual([])
  })

  it('guessing ends after five wrong codes, for an hour', async () => {
    const code = (await within((trx) => replyCode(trx, 'F20261122-001', 'a', DAY, NOW)))!
    const wrong = code === '0000' ? '0001' : '0000'
    for (let guess = 0; guess < 5; guess++) expect(await within((trx) => answerSms(trx, context, '13800000000', wrong, NOW + guess))).toMatchObject({ why: 'wrong-code' })
    expect(await within((trx) => answerSms(trx, context, '13800000000', code, NOW + 10))).toMatchObject({ why: 'too-many' })
    expect((await within((trx) => answerSms(trx, context, '13800000000', code, NOW + HOUR + 4))).kind).toBe('acknowledged')
  })

  it('forgets what can matter no more, and keeps what still refuses a second use', async () => {
    const token = await within((trx) => issueLink(trx, 'F20261122-001', 'a', DAY, NOW))
    await within((trx) => confirmLink(trx, context, token, NOW))
    await within((trx) => replyCode(trx, 'F20261122-001', 'a', HOUR, NOW))
    await within((trx) => forgetOldAcks(trx, NOW + DAY))
    expect(await within((trx) => confirmLink(trx, context, token, NOW + DAY))).toMatchObject({ why: 'used' })
    await within((trx) => forgetOldAcks(trx, NOW + 3 * DAY))
    expect(await state.db.selectFrom('ack_link_use').selectAll().execute()).toEqual([])
    expect(await state.db.selectFrom('ack_code').selectAll().execute()).toEqual([])
    expect(await within((trx) => confirmLink(trx, context, token, NOW + 3 * DAY))).toMatchObject({ why: 'expired' })
  })
})

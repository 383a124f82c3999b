/** The page behind a message's link, over the real rooms: what it shows, what it changes, what it does not. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dutyRig } from '../../test/duty-rig.ts'
import type { DutyRig } from '../../test/duty-rig.ts'
import { scaled, seed } from '../../test/scale.ts'
import { stubWeb } from '../../test/web-dependencies.ts'
import type { StubWeb } from '../../test/web-dependencies.ts'
import { verifyAudit } from '../state/audit.ts'
import type { AckAnswer } from './duty-dependencies.ts'
import { ackPage, ackPagePolicy } from './ack-page.ts'

const START = Date.parse('2026-11-22T10:00:00+08:00')
const HOUR = 3_600_000

let rig: DutyRig
let stub: StubWeb
let number = ''
beforeEach(async () => {
  rig = await dutyRig(START)
  stub = stubWeb({ now: () => rig.now, ackLinks: rig.links, incidents: rig.web })
  number = await rig.fault('secret-host-1')
})
afterEach(() => rig.close())

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}
const ask = async (token: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Response> => await stub.web.app.request(`https://site.example/a/${token}`, { method, headers, ...(body === undefined ? {} : { body }) })
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const confirm = (token: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> => ask(token, { method: 'POST', headers: { ...form, ...headers }, body: 'confirm=yes' })
const kindOf = async (response: Response): Promise<string> => /data-kind="(\w+)"/.exec(await response.text())?.[1] ?? 'none'
const taken = async (): Promise<string | null | undefined> => (await rig.incidents.get(number))?.acknowledgedBy

/** Every row of every table, so that "changes nothing" is about all of it. */
async function everything(): Promise<string> {
  const tables = ['incident', 'incident_event', 'audit', 'setting', 'ack_link_use', 'ack_code', 'ack_reply', 'duty_told', 'duty_override'] as const
  return JSON.stringify(await Promise.all(tables.map((table) => rig.state.db.selectFrom(table).selectAll().execute())))
}

describe('looking', () => {
  it('shows what, for whom and until when, in minimal form, and changes nothing however often', async () => {
    const token = await rig.link(number, 'engineer-2')
    const before = await everything()
    for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'PROPFIND']) {
      const response = await ask(token, { method })
      if (method === 'GET') {
        const text = await response.text()
        expect(response.status).toBe(200)
        for (const part of [number, '示例工程师二', '11-22 11:00', '紧急', '确认由我响应', '<form method="post">', 'lang="zh-CN"', 'width=device-width']) expect(text).toContain(part)
        for (const secret of ['secret-host-1', '失联', '1380000', '@example.org', '<script', 'http']) expect(text).not.toContain(secret)
      } else expect(await response.text()).not.toContain('data-kind="done"')
    }
    expect(await everything()).toBe(before)
    expect(await taken()).toBeNull()
  })

  it('is not kept, not indexed, and loads nothing', async () => {
    for (const response of [await ask(await rig.link(number, 'engineer-2')), await ask('wrong'), await confirm('wrong'), await ask('x', { method: 'POST' })]) {
      expect(response.headers.get('content-security-policy')).toBe(ackPagePolicy)
      expect(ackPagePolicy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('x-robots-tag')).toContain('noindex')
      expect(response.headers.get('referrer-policy')).toBe('same-origin')
      expect(response.headers.get('x-frame-options')).toBe('DENY')
      expect(response.headers.get('set-cookie')).toBeNull()
      expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8')
    }
  })

  it('before any link was ever made, writes no key either', async () => {
    const before = await everything()
    expect((await ask('AAAA.BBBB')).status).toBe(404)
    expect(await everything()).toBe(before)
  })
})

describe('confirming', () => {
  it('takes the incident once, for the person of the link; the source is in the timeline and the address in the audit log', async () => {
    const token = await rig.link(number, 'engineer-2')
    const done = await confirm(token, { 'sec-fetch-site': 'same-origin' })
    const text = await done.text()
    expect([done.status, text.includes('data-kind="done"'), text.includes('已记录：示例工程师二 于 11-22 10:00 响应')]).toEqual([200, true, true])
    expect(await taken()).toBe('示例工程师二')
    expect((await rig.incidents.get(number))?.timeline.at(-1)?.text).toContain('消息链接')
    expect(await rig.state.db.selectFrom('audit').select(['actor', 'action', 'object', 'detail_json']).where('action', '=', 'duty.ack-link').execute()).toEqual([{ actor: 'engineer-2', action: 'duty.ack-link', object: number, detail_json: '{"address":"unknown"}' }])
    const again = await confirm(token)
    expect([again.status, await kindOf(again)]).toEqual([410, 'used'])
    expect([(await ask(token)).status, await kindOf(await ask(token))]).toEqual([410, 'used'])
    expect((await verifyAudit(rig.state.db)).kind).toBe('intact')
  })

  it('two taps at once count once', async () => {
    const token = await rig.link(number, 'engineer-2')
    const kinds = await Promise.all([1, 2, 3].map(async () => kindOf(await confirm(token))))
    expect(kinds.filter((kind) => kind === 'done')).toHaveLength(1)
    expect(await rig.state.db.selectFrom('ack_link_use').selectAll().execute()).toHaveLength(1)
  })

  it('tells that somebody else was first, and leaves the link as it was', async () => {
    const [mine, other] = [await rig.link(number, 'engineer-2'), await rig.link(number, 'engineer-3')]
    await confirm(mine)
    const response = await confirm(other)
    const text = await response.text()
    expect([response.status, text.includes('data-kind="already"'), text.includes('示例工程师二')]).toEqual([200, true, true])
    expect(await rig.state.db.selectFrom('ack_link_use').select('person').execute()).toEqual([{ person: 'engineer-2' }])
    expect(await kindOf(await ask(other))).toBe('already')
    expect(await taken()).toBe('示例工程师二')
  })

  it('confirms a claimed recovery for the second person, once; a page opened before it confirms none', async () => {
    const opened = await rig.incidents.openByHand('user-duty', { reporter: '某单位', contact: '', channel: 'hotline', reportedAt: rig.now, service: 'portal', instance: '', fault: '', severity: 'warning', title: '网页打不开', description: '' })
    const byHand = opened.kind === 'done' ? opened.value : ''
    const token = await rig.link(byHand, 'engineer-2')
    const post = (what: string) => ask(token, { method: 'POST', headers: form, body: `confirm=${what}` })
    // Nobody claims anything: the word of the other page confirms nothing, and takes nothing.
    expect((await post('recovery')).status).toBe(410)
    const claimedAt = rig.now
    expect(await rig.incidents.reportRecovery(byHand, 'user-duty', '能打开', 'engineer-2', claimedAt)).toMatchObject({ kind: 'done' })
    rig.now += 60_000
    const page = await (await ask(token)).text()
    for (const part of ['确认故障已恢复', 'user-duty 认定该故障已于 11-22 10:00 恢复', 'value="recovery"']) expect(page).toContain(part)
    expect((await rig.incidents.get(byHand))!).toMatchObject({ state: 'open', judgedBy: null })
    expect((await post('maybe')).status).toBe(403)
    const done = await (await post('recovery')).text()
    expect(done).toContain('已记录：示例工程师二 于 11-22 10:01 确认恢复')
    expect((await rig.incidents.get(byHand))!).toMatchObject({ state: 'recovered', recoveredAt: claimedAt, judgedBy: 'user-duty', claim: null })
    expect(await kindOf(await post('recovery'))).toBe('used')
    expect(await rig.state.db.selectFrom('audit').select(['actor', 'object']).where('action', '=', 'duty.recovery-link').execute()).toEqual([{ actor: 'engineer-2', object: byHand }])
  })

  it('a link of the claimant\'s own person confirms nothing', async () => {
    await rig.state.db.updateTable('account').set({ person: 'engineer-2' }).where('user', '=', 'user-duty').execute()
    const opened = await rig.incidents.openByHand('user-duty', { reporter: '某单位', contact: '', channel: 'hotline', reportedAt: rig.now, service: 'portal', instance: '', fault: '', severity: 'warning', title: '网页打不开', description: '' })
    const byHand = opened.kind === 'done' ? opened.value : ''
    expect(await rig.incidents.reportRecovery(byHand, 'user-duty', '能打开', 'engineer-3', rig.now)).toMatchObject({ kind: 'done' })
    const response = await ask(await rig.link(byHand, 'engineer-2'), { method: 'POST', headers: form, body: 'confirm=recovery' })
    expect(await kindOf(response)).toBe('gone')
    expect((await rig.incidents.get(byHand))!.claim).not.toBeNull()
  })

  it('says expired, closed, gone, and who is no longer in the team', async () => {
    const [short, long] = [await rig.link(number, 'engineer-2', 60_000), await rig.link(number, 'engineer-2', 2 * 24 * HOUR)]
    const nowhere = await rig.link('F20990101-001', 'engineer-2')
    const stranger = await rig.link(number, 'nobody')
    expect(await (await ask(nowhere)).text()).toContain('没有对应的故障单')
    expect((await confirm(nowhere)).status).toBe(410)
    expect(await (await confirm(stranger)).text()).toContain('不在值班名单')
    rig.now += 60_000
    expect([(await ask(short)).status, await (await ask(short)).text().then((text) => text.includes('已过期'))]).toEqual([410, true])
    expect((await confirm(short)).status).toBe(410)
    const one = rig.incidents.live()[0]!.alerts[0]!
    await rig.incidents.apply([{ kind: 'resolved', why: 'condition-false', alert: { fingerprint: one.fingerprint, group: 'host', name: one.name, labels: one.labels, annotations: {}, state: 'resolved', activeAt: one.activeAt, startedAt: one.startedAt, firedAt: one.startedAt, resolvedAt: rig.now, value: 0 } }])
    expect((await ask(long)).status).toBe(410)
    expect(await rig.state.db.selectFrom('ack_link_use').selectAll().execute()).toEqual([])
  })

  it.each([
    ['no form', { headers: {}, body: 'confirm=yes' }],
    ['JSON', { headers: { 'content-type': 'application/json' }, body: '{"confirm":"yes"}' }],
    ['a form of something else', { headers: form, body: 'confirm=no' }],
    ['an empty form', { headers: form, body: '' }],
    ['another site', { headers: { ...form, origin: 'https://evil.example' }, body: 'confirm=yes' }],
    ['no origin to name', { headers: { ...form, origin: 'null' }, body: 'confirm=yes' }],
    ['another site, by the browser', { headers: { ...form, 'sec-fetch-site': 'cross-site', origin: 'https://site.example' }, body: 'confirm=yes' }],
    ['a sibling site', { headers: { ...form, 'sec-fetch-site': 'same-site' }, body: 'confirm=yes' }],
    ['a preview', { headers: { ...form, 'sec-fetch-site': 'none' }, body: 'confirm=yes' }],
  ])('from %s it does not count', async (_, sent) => {
    const token = await rig.link(number, 'engineer-2')
    const response = await ask(token, { method: 'POST', ...sent })
    expect([response.status, await kindOf(response)]).toEqual([403, 'elsewhere'])
    expect(await taken()).toBeNull()
    expect(stub.refusals).toEqual(['ack-link/elsewhere'])
    expect(await kindOf(await confirm(token, { origin: 'https://site.example', host: 'site.example' }))).toBe('done')
  })
})

describe('wrong tokens', () => {
  it('all get the same answer, byte for byte, and are counted; too many, and the address hears only that', async () => {
    const good = await rig.link(number, 'engineer-2')
    const [payload = '', signature = ''] = good.split('.')
    const wrong = ['x', '~', `${payload}.`, `.${signature}`, `${payload}.${'A'.repeat(43)}`, `${signature}.${payload}`, `${good}.x`, 'A'.repeat(5_000), '%00', '%ff', '..%2f..', payload]
    const answers = await Promise.all(wrong.map(async (token) => { const response = await ask(token); return [response.status, await response.text()] }))
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(answers[0]![0]).toBe(404)
    expect(rig.refusals).toEqual(wrong.map(() => 'ack-link/forged'))
    for (let more = wrong.length; more < 20; more++) await confirm('x')
    const limited = await ask('x')
    expect([limited.status, await kindOf(limited), limited.headers.get('retry-after')]).toEqual([429, 'limited', '600'])
    expect((await confirm('x')).status).toBe(429)
    // Another address is not held to it; after the window nobody is.
    expect((await rig.links.look('x', '192.0.2.7')).kind).toBe('wrong')
    rig.now += 600_000
    expect((await ask('x')).status).toBe(404)
    for (let more = 0; more < 25; more++) await confirm('x')
    // Who shares the address and holds a good link is not kept from answering.
    expect([(await ask(good)).status, await kindOf(await confirm(good))]).toEqual([200, 'done'])
  })

  it('confirmations of one address that come to nothing are limited', async () => {
    const token = await rig.link(number, 'engineer-2')
    expect((await rig.links.confirm(token, 'a')).kind).toBe('done')
    const kinds: string[] = []
    for (let count = 0; count < 31; count++) kinds.push((await rig.links.confirm(token, 'a')).kind)
    expect([kinds.indexOf('limited'), kinds.at(-1), (await rig.links.look(token, 'a')).kind]).toEqual([30, 'limited', 'used'])
  })

  it(`no text but the token itself acknowledges anything (seed ${seed})`, async () => {
    const good = await rig.link(number, 'engineer-2')
    const before = await everything()
    let address = 0
    const mutated = fc.tuple(fc.nat(good.length - 1), fc.constantFrom('A', 'b', '0', '-', '_', '.', '~')).map(([at, character]) => good.slice(0, at) + character + good.slice(at + 1))
    const other = fc.oneof(mutated, fc.nat(good.length).map((length) => good.slice(0, length)), fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.toWellFormed()), fc.constantFrom(`${good} `, ` ${good}`, `${good}\n`, `${good}=`, good.toLowerCase(), good.split('').reverse().join('')))
    await fc.assert(
      fc.asyncProperty(other.filter((text) => text !== good), fc.boolean(), async (text, post) => {
        const answer = post ? await rig.links.confirm(text, `address-${++address}`) : await rig.links.look(text, `address-${++address}`)
        expect(answer.kind).toBe('wrong')
        const response = post ? await confirm(encodeURIComponent(text)) : await ask(encodeURIComponent(text))
        // 404 and 429 are the page's; 200 is the console's page under a path that is no token, 503 the console that is not built here.
        expect([404, 429, 503]).toContain(response.status)
        expect(stub.failures).toEqual([])
      }),
      { seed, numRuns: scaled(300, 10_000) },
    )
    expect(await everything()).toBe(before)
  })

  it(`whatever the words are, the page has one section, no script and at most one form (seed ${seed})`, async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('<script>alert(1)</script>', '"><form action="//evil">', "' onload=x", '</style>', '<!--', '&amp;', '${1}'))
    await fc.assert(
      fc.asyncProperty(fc.record({ heading: text, lines: fc.array(text, { maxLength: 4 }), confirm: fc.option(text, { nil: undefined }), hint: fc.option(text, { nil: undefined }) }), async ({ heading, lines, confirm: label, hint }) => {
        const answer: AckAnswer = { kind: 'ask', heading, lines, ...(label === undefined ? {} : { confirm: label }), ...(hint === undefined ? {} : { hint }) }
        const page = await ackPage(answer, '值守')
        expect([/<script/i.test(page), page.match(/<section/g)?.length, page.match(/<form/g)?.length ?? 0, page.match(/<style/g)?.length]).toEqual([false, 1, label === undefined ? 0 : 1, 1])
        expect(page.match(/<p>/g)?.length ?? 0).toBe(lines.length)
      }),
      { seed, numRuns: scaled(200, 5_000) },
    )
  })
})

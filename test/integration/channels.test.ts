/**
 * Channels that speak HTTP, against real servers on loopback: what is sent, what each documented answer means, and how
 * they come back from a peer that stalls, resets, half-closes, talks garbage or never ends. (No HTTP mock: the addresses
 * are settings.)
 */
import { createHmac } from 'node:crypto'
import { createServer as createTlsServer } from 'node:https'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Channel } from '../../collector/notify/channel.ts'
import { openChannel } from '../../collector/notify/registry.ts'
import { brokenBody, garbage, halfClose, huge, reset, say, slowBody, stall, startPeer } from './http-rig.ts'
import type { Answer, HttpPeer } from './http-rig.ts'
import { channelOf, leastSettings, message, parsed, words, world } from './message-rig.ts'
import { makeCertificates } from './smtp-rig.ts'

const patient = new AbortController().signal
const robots = ['wecom', 'dingtalk', 'feishu'] as const
const web = [...robots, 'webhook', 'sms-http', 'sms-aliyun'] as const
const good: Readonly<Record<(typeof web)[number], Answer>> = {
  wecom: say(200, { errcode: 0, errmsg: 'ok' }),
  dingtalk: say(200, { errcode: 0, errmsg: 'ok' }),
  feishu: say(200, { code: 0, msg: 'success' }),
  webhook: say(204, ''),
  'sms-http': say(200, 'OK:77'),
  'sms-aliyun': say(200, { Code: 'OK', Message: 'OK', BizId: '9' }),
}

/** The secrets that a kind is given, by the variable. */
const own = { wecom: ['KEY'], dingtalk: ['KEY', 'SECRET'], feishu: ['KEY', 'SECRET'], webhook: ['PASSWORD'], 'sms-http': ['PASSWORD'], 'sms-aliyun': ['SECRET'] } as const

let peer: HttpPeer
beforeEach(async () => {
  peer = await startPeer(say(200, ''))
})
afterEach(() => peer.close())

const open = (kind: (typeof web)[number], changes: Record<string, unknown> = {}, timeoutMs = 400): Channel => channelOf({ ...leastSettings(peer.url)[kind], ...changes }, timeoutMs)
const to = (kind: string): readonly string[] => (kind.startsWith('sms') ? ['13800000001'] : ['c'])
const json = (index = 0): Record<string, never> => JSON.parse(peer.arrived[index]!.body.toString()) as Record<string, never>

describe.each(web)('%s and a peer that', (kind) => {
  it.each([
    ['stalls', stall, true],
    ['resets', reset, true],
    ['half-closes', halfClose, true],
    ['is slow with the body', slowBody, true],
    ['breaks off the body', brokenBody, true],
    ['is no HTTP server', garbage, true],
  ] as const)('%s: not taken, blames the channel, and knows that it may have been', async (_, answer, unsure) => {
    peer.answer = answer
    const started = performance.now()
    const outcome = await open(kind).send(message({ to: to(kind) }), patient)
    expect(outcome).toMatchObject({ kind: 'try-again', channelDown: true, unsure })
    expect(performance.now() - started).toBeLessThan(3_000)
  })

  it('sends more than anybody reads: comes back, and reads no more than it needs', async () => {
    peer.answer = huge
    const before = process.memoryUsage().rss
    const outcome = await open(kind, {}, 2_000).send(message({ to: to(kind) }), patient)
    // A 200 is enough for a webhook; the others have said nothing that they understand.
    expect(outcome.kind).toBe(kind === 'webhook' ? 'delivered' : 'try-again')
    expect(process.memoryUsage().rss - before).toBeLessThan(24 * 1024 * 1024)
  })

  it('says things that are no answer', async () => {
    for (const body of ['', '{', 'null', '[]', '<html>502</html>', '{"errcode":"0","code":"0","Code":0}', '\u0000\uFFFF']) {
      peer.answer = say(502, body)
      expect(await open(kind).send(message({ to: to(kind) }), patient)).toMatchObject({ kind: 'try-again' })
    }
  })

  it('sends it elsewhere: does not follow', async () => {
    peer.answer = say(302, '', { Location: `${peer.url}/elsewhere` })
    expect(await open(kind).send(message({ to: to(kind) }), patient)).toMatchObject({ kind: 'try-again', channelDown: true })
    expect(peer.arrived.map((one) => one.path)).not.toContain('/elsewhere')
  })

  it('repeats our secrets: no outcome has them', async () => {
    const said = `${'x'.repeat(100)} ${Object.values(world.env).flatMap((secret) => [secret, encodeURIComponent(secret)]).join(' ').repeat(8)}`
    for (const answer of [say(200, { errcode: 93000, errmsg: said, code: 19021, msg: said, Code: 'InvalidAccessKeyId', Message: said }), say(400, said), say(500, said), say(200, `LOGIN ${said}`)]) {
      peer.answer = answer
      const outcome = JSON.stringify(await open(kind).send(message({ to: to(kind) }), patient))
      for (const secret of own[kind].map((name) => world.env[name])) {
        expect(outcome).not.toContain(JSON.stringify(secret).slice(1, -1))
        expect(outcome).not.toContain(encodeURIComponent(secret))
      }
    }
  })

  it('works only through the proxy', async () => {
    peer.answer = good[kind]
    const asked: string[] = []
    const proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url?.split('?')[0]} ${request.headers['proxy-authorization'] ?? ''}`)
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const url = new URL(request.url ?? '')
        void fetch(url, { method: request.method ?? 'GET', headers: { 'content-type': request.headers['content-type'] ?? '' }, ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}) }).then(async (answer) => {
          response.writeHead(answer.status)
          response.end(Buffer.from(await answer.arrayBuffer()))
        })
      })
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const outcome = await open(kind, { proxy: `http://127.0.0.1:${port}`, proxyUser: 'site', proxyPasswordEnv: 'PASSWORD' }, 3_000).send(message({ to: to(kind) }), patient)
    await new Promise((resolve) => proxy.close(resolve))
    expect(outcome).toMatchObject({ kind: 'delivered' })
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain(`${peer.url}/`)
    expect(asked[0]).toContain(`Basic ${Buffer.from('site:pass word').toString('base64')}`)
  })
})

describe('over TLS', () => {
  it('trusts the named authority and no other, also through a tunnel, whose refusal it reports without its password', async () => {
    const { ca, cert, key } = await makeCertificates()
    const folder = mkdtempSync(join(tmpdir(), 'zhishou-channels-'))
    writeFileSync(join(folder, 'ca.pem'), ca)
    const ended: Promise<void>[] = []
    const server = createTlsServer({ cert, key }, (_, response) => response.end('{"errcode":0,"errmsg":"ok"}'))
    server.on('secureConnection', (socket) => ended.push(new Promise((resolve) => socket.on('close', () => resolve()))))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const tunnels: string[] = []
    let allow = true
    const proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '')
      if (!allow) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
        return
      }
      const [host, port] = (request.url ?? '').split(':')
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const throughProxy = { proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, proxyUser: 'site', proxyPasswordEnv: 'PASSWORD' }
    const at = (changes: Record<string, unknown>): Channel => channelOf({ ...leastSettings(url)['wecom'], ...changes }, 3_000)
    const caFile = join(folder, 'ca.pem')
    expect(await at({ caFile }).send(message({ to: ['c'] }), patient)).toMatchObject({ kind: 'delivered' })
    expect(await at({}).send(message({ to: ['c'] }), patient)).toMatchObject({ kind: 'try-again', channelDown: true, unsure: false, why: expect.stringMatching(/certificate|issuer/) })
    expect(await at({ caFile, ...throughProxy }).send(message({ to: ['c'] }), patient)).toMatchObject({ kind: 'delivered' })
    expect(tunnels).toEqual([url.slice(8)])
    allow = false
    const refused = await at({ caFile, ...throughProxy }).send(message({ to: ['c'] }), patient)
    expect(refused).toMatchObject({ kind: 'try-again', channelDown: true, why: expect.stringContaining('407') })
    expect(JSON.stringify(refused)).not.toMatch(/pass( |%20|\+)word/)
    expect(() => at({ caFile: '/nowhere/ca.pem' })).toThrow(/notify\.channels\.c\.caFile: cannot read \/nowhere\/ca\.pem/)
    // Nothing of ours is left open, at either end of the tunnel.
    await Promise.all(ended)
    server.close()
    proxy.close()
    rmSync(folder, { recursive: true })
  })
})

describe('robots', () => {
  it('WeCom: markdown or text within their bytes, the key in the address', async () => {
    peer.answer = good.wecom
    const long = '值'.repeat(3_000)
    await open('wecom').send(message({ markdown: long, text: long }), patient)
    await open('wecom', { format: 'text' }).send(message({ markdown: long, text: long }), patient)
    expect(peer.arrived[0]).toMatchObject({ method: 'POST', path: '/cgi-bin/webhook/send' })
    expect(peer.arrived[0]!.query.get('key')).toBe('key-4711')
    const markdown = (json(0) as unknown as { markdown: { content: string } }).markdown.content
    const text = (json(1) as unknown as { text: { content: string } }).text.content
    for (const [content, most] of [[markdown, 4_096], [text, 2_048]] as const) {
      expect(Buffer.byteLength(content)).toBeLessThanOrEqual(most)
      expect(Buffer.byteLength(content)).toBeGreaterThan(most - 4)
      expect(content).toMatch(/^值+…$/)
    }
  })

  it('DingTalk: signed over the milliseconds in the address', async () => {
    peer.answer = good.dingtalk
    await open('dingtalk').send(message({ subject: '主题', markdown: '**主题**' }), patient)
    const { query } = peer.arrived[0]!
    const stamp = query.get('timestamp')!
    expect(Math.abs(Number(stamp) - Date.now())).toBeLessThan(10_000)
    expect(query.get('sign')).toBe(createHmac('sha256', world.env.SECRET).update(`${stamp}\n${world.env.SECRET}`).digest('base64'))
    expect(query.get('access_token')).toBe('key-4711')
    expect(json()).toEqual({ msgtype: 'markdown', markdown: { title: '主题', text: '**主题**' } })
  })

  it('Feishu: signed the other way round over seconds, in the body, which stays below 20 KB', async () => {
    peer.answer = good.feishu
    await open('feishu').send(message({ subject: '主题', markdown: '"\n'.repeat(20_000) }), patient)
    const body = json() as unknown as { timestamp: string; sign: string; msg_type: string; card: { header: { template: string } } }
    expect(peer.arrived[0]!.path).toBe('/open-apis/bot/v2/hook/key-4711')
    expect(Math.abs(Number(body.timestamp) - Date.now() / 1_000)).toBeLessThan(10)
    expect(body.sign).toBe(createHmac('sha256', `${body.timestamp}\n${world.env.SECRET}`).digest('base64'))
    expect(body).toMatchObject({ msg_type: 'interactive', card: { header: { template: 'red' } } })
    expect(peer.arrived[0]!.body.length).toBeLessThan(20 * 1024)
  })

  it.each([
    ['wecom', { errcode: 45009, errmsg: 'api freq out of limit' }, { kind: 'try-again', channelDown: false, afterMs: 60_000 }],
    ['wecom', { errcode: 93000, errmsg: 'invalid webhook url' }, { kind: 'try-again', channelDown: true, why: 'errcode 93000: invalid webhook url' }],
    ['wecom', { errcode: 40058, errmsg: 'content exceed max length' }, { kind: 'refused' }],
    ['wecom', { errcode: -1, errmsg: 'system busy' }, { kind: 'try-again', channelDown: false }],
    ['dingtalk', { errcode: 130101, errmsg: 'send too fast, exceed 20 times per minute' }, { kind: 'try-again', channelDown: false, afterMs: 600_000 }],
    ['dingtalk', { errcode: 310000, errmsg: 'sign not match' }, { kind: 'try-again', channelDown: true }],
    ['dingtalk', { errcode: 400105, errmsg: 'unsupport msgtype' }, { kind: 'refused' }],
    ['feishu', { code: 19021, msg: 'sign match fail or timestamp is not within one hour from current time' }, { kind: 'try-again', channelDown: true }],
    ['feishu', { code: 11232, msg: 'frequency limited psm' }, { kind: 'try-again', channelDown: false, afterMs: 60_000 }],
    ['feishu', { code: 9499, msg: 'Bad Request' }, { kind: 'refused' }],
    ['feishu', { code: 4242, msg: 'what is this' }, { kind: 'try-again', channelDown: false }],
  ] as const)('%s says %o', async (kind, answer, outcome) => {
    peer.answer = say(200, answer)
    expect(await open(kind).send(message({ to: ['c'] }), patient)).toMatchObject(outcome)
  })

  it.each(robots)('%s: a wrong key stays down though the service answers, until a message gets through', async (kind) => {
    const channel = open(kind)
    expect(await channel.check(patient)).toEqual({ kind: 'up' })
    peer.answer = say(200, { errcode: kind === 'wecom' ? 93000 : 310000, errmsg: 'no', code: 19021, msg: 'no' })
    await channel.send(message({ to: ['c'] }), patient)
    expect(await channel.check(patient)).toMatchObject({ kind: 'down', why: expect.stringContaining('no') })
    peer.answer = good[kind]
    await channel.send(message({ to: ['c'] }), patient)
    expect(await channel.check(patient)).toEqual({ kind: 'up' })
  })
})

describe('webhook', () => {
  it('sends the payload with its credentials, and says how many alerts it left out', async () => {
    peer.answer = say(200, 'ok')
    const alerts = Array.from({ length: 5 }, (_, index) => ({ ...words('x').webhook.alerts[0]!, fingerprint: String(index) }))
    const full = { ...words('x').webhook, alerts }
    expect(await open('webhook', { maxAlerts: 2 }).send(message({ webhook: full }), patient)).toMatchObject({ kind: 'delivered', detail: 'HTTP 200: ok' })
    await open('webhook', { user: undefined, passwordEnv: undefined, bearerEnv: 'KEY' }).send(message({ webhook: full }), patient)
    expect(json(0)).toEqual({ ...full, alerts: alerts.slice(0, 2), truncatedAlerts: 3 })
    expect(json(1)).toEqual(full)
    expect(peer.arrived.map((one) => one.headers.authorization)).toEqual([`Basic ${Buffer.from('u:pass word').toString('base64')}`, 'Bearer key-4711'])
    expect(peer.arrived[0]!.headers['content-type']).toBe('application/json')
  })

  it.each([
    [200, {}, { kind: 'delivered' }],
    [299, {}, { kind: 'delivered' }],
    [400, {}, { kind: 'refused' }],
    [404, {}, { kind: 'refused' }],
    [401, {}, { kind: 'try-again', channelDown: true }],
    [429, { 'Retry-After': '30' }, { kind: 'try-again', channelDown: false, afterMs: 30_000 }],
    [503, { 'Retry-After': '120' }, { kind: 'try-again', channelDown: true, afterMs: 120_000 }],
    [503, { 'Retry-After': '99999999' }, { kind: 'try-again', afterMs: 3_600_000 }],
    [500, { 'Retry-After': 'soon' }, { kind: 'try-again', channelDown: true }],
  ] as const)('HTTP %s %o', async (status, headers, outcome) => {
    peer.answer = say(status, 'words of theirs', { ...headers })
    const got = await open('webhook').send(message({ to: ['c'] }), patient)
    expect(got).toMatchObject(outcome)
    if (got.kind === 'try-again' && status === 500) expect(got.afterMs).toBeUndefined()
    expect(JSON.stringify(got)).toContain('words of theirs')
  })
})

describe('SMS gateway', () => {
  it('POSTs a form in GBK, escaped, cut to one segment under its signature, and keeps the id it was given', async () => {
    peer.answer = good['sms-http']
    const channel = open('sms-http', { encoding: 'gbk', headers: { 'X-Id': '{id}' } })
    const outcome = await channel.send(message({ to: ['13800000001'], brief: `故障&余量=1 ${'甲'.repeat(100)}` }), patient)
    expect(outcome).toMatchObject({ kind: 'delivered', to: ['13800000001'], detail: 'id 77; HTTP 200: OK:77' })
    const body = peer.arrived[0]!.body.toString('latin1')
    expect(body).toMatch(/^mobile=13800000001&content=%A1%BE%D6%B5%CA%D8%A1%BF%B9%CA%D5%CF%26/)
    expect(body).toContain('&password=pass%20word')
    const fields = new Map(body.split('&').map((pair) => pair.split('=') as [string, string]))
    const content = new TextDecoder('gbk').decode(Buffer.from(fields.get('content')!.replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1'))
    expect(content).toHaveLength(70)
    expect(content).toMatch(/^【值守】故障&余量=1 甲+…$/)
    expect(peer.arrived[0]!.headers['x-id']).toBe(fields.get('id'))
    expect(peer.arrived[0]!.headers['content-type']).toBe('application/x-www-form-urlencoded; charset=gbk')
    // The same message to the same phone has the same id, so that a gateway can tell a repeat.
    await channel.send(message({ to: ['13800000001'], brief: 'x' }), patient)
    expect(peer.arrived[1]!.headers['x-id']).toBe(fields.get('id'))
  })

  it('fills JSON without letting text out of its quotes, and a GET', async () => {
    peer.answer = say(200, '{"status":"0","msgid":"m-1"}')
    const rest = { success: '"status":"0"', idPattern: '"msgid":"([^"]+)"', signature: undefined }
    await open('sms-http', { ...rest, bodyType: 'json', body: '{"to":["{phone}"],"text":"{content}","key":"{secret.password}","odd":{content}}' }).send(message({ to: ['13800000001'], brief: 'a"},{"x":"\\' }), patient)
    const parts = peer.arrived[0]!.body.toString().split(',"odd"')
    expect(JSON.parse(`${parts[0]!}}`)).toEqual({ to: ['13800000001'], text: 'a"},{"x":"\\', key: 'pass word' })
    const got = await open('sms-http', { ...rest, method: 'GET', body: undefined, url: `${peer.url}/s?to={phone}&c={content}&k={secret.password}` }).send(message({ to: ['13800000001'], brief: '中 文&k=1' }), patient)
    expect(got).toMatchObject({ kind: 'delivered', detail: expect.stringContaining('id m-1') })
    expect(peer.arrived[1]).toMatchObject({ method: 'GET', path: '/s' })
    expect([...peer.arrived[1]!.query]).toEqual([['to', '13800000001'], ['c', '中 文&k=1'], ['k', 'pass word']])
  })

  it('reads answers by its patterns', async () => {
    const outcome = async (answer: Answer) => {
      peer.answer = answer
      return open('sms-http').send(message({ to: ['13800000001', '13800000002'] }), patient)
    }
    expect(await outcome(say(200, 'NUMBER'))).toMatchObject({ kind: 'refused', why: 'HTTP 200: NUMBER' })
    expect(await outcome(say(200, 'LOGIN'))).toMatchObject({ kind: 'try-again', channelDown: true, unsure: false })
    expect(await outcome(say(200, 'whatever'))).toMatchObject({ kind: 'try-again', channelDown: false, unsure: false })
    expect(await outcome(say(504, 'OK:1'))).toMatchObject({ kind: 'try-again', channelDown: true, unsure: true })
    peer.arrived.length = 0
    expect(await outcome((request, response, raw) => say(200, request.body.toString().includes('0001') ? 'OK:1' : 'NUMBER')(request, response, raw))).toMatchObject({ kind: 'delivered', to: ['13800000001'], refused: [{ address: '13800000002' }] })
    expect(await outcome((request, response, raw) => say(200, request.body.toString().includes('0001') ? 'OK:1' : 'later')(request, response, raw))).toMatchObject({ kind: 'delivered', to: ['13800000001'], again: [{ address: '13800000002' }] })
    // A gateway that is down is not asked for the second phone.
    peer.arrived.length = 0
    await outcome(say(200, 'LOGIN'))
    expect(peer.arrived).toHaveLength(1)
  })

  it('asks for the balance, by which it also knows that it works', async () => {
    const channel = open('sms-http', { balanceUrl: `${peer.url}/balance?p={secret.password}`, balancePattern: 'left=(\\d+)', balanceWarning: 100 })
    peer.answer = say(200, 'left=250')
    expect(await channel.balance!(patient)).toEqual({ left: 250, low: false })
    expect(await channel.check(patient)).toEqual({ kind: 'up' })
    expect(peer.arrived[0]!.query.get('p')).toBe('pass word')
    peer.answer = say(200, 'left=99')
    expect(await channel.balance!(patient)).toEqual({ left: 99, low: true })
    peer.answer = say(200, 'no such user pass word')
    expect(await channel.balance!(patient)).toBeUndefined()
    expect(await channel.check(patient)).toEqual({ kind: 'down', why: 'no balance in the answer: no such user …' })
    peer.answer = stall
    expect(await channel.balance!(patient)).toBeUndefined()
  })

  it('fetches what people answered', async () => {
    const channel = open('sms-http', { encoding: 'gbk', replyUrl: `${peer.url}/mo`, replyPattern: '(?P<phone>\\d+),(?P<text>[^;]*);' })
    peer.answer = say(200, Buffer.concat([Buffer.from('13800000001,'), Buffer.from([0xca, 0xd5, 0xb5, 0xbd]), Buffer.from(' 12;99,too short;13800000002,ok;')]))
    expect(await channel.replies!(patient)).toEqual([{ phone: '13800000001', text: '收到 12' }, { phone: '13800000002', text: 'ok' }])
    peer.answer = reset
    expect(await channel.replies!(patient)).toEqual([])
    expect(open('sms-http').replies).toBeUndefined()
  })

  it('cannot be opened without its secret, and does not print it', () => {
    const settings = parsed(leastSettings(peer.url)['sms-http'])
    expect(() => openChannel('sms', settings, { readFile: () => '', env: {} })).toThrow(/notify\.channels\.sms\.secrets\.passwordEnv: the variable PASSWORD is not set/)
    const fromFile = parsed({ ...leastSettings(peer.url)['sms-http'], secrets: { password: { file: '/etc/p' } } })
    expect(() => openChannel('sms', fromFile, { readFile: () => 'se\ncret', env: {} })).toThrow(/^notify\.channels\.sms\.secrets\.passwordFile: \/etc\/p has more than one line$/)
  })
})

describe('Aliyun', () => {
  it('fills the template only, within its limits', async () => {
    peer.answer = good['sms-aliyun']
    await open('sms-aliyun', { variables: { s: '{severity}', v: '{service}{service}{service}{service}', n: '{left}' } }).send(message({ to: ['13800000001'], fields: { ...words('x').fields, left: '' } }), patient)
    const sent = new URLSearchParams(peer.arrived[0]!.body.toString())
    expect(Object.fromEntries(sent)).toMatchObject({ Action: 'SendSms', Version: '2017-05-25', PhoneNumbers: '13800000001', SignName: '值守', TemplateCode: 'SMS_1', SignatureMethod: 'HMAC-SHA1' })
    const variables = JSON.parse(sent.get('TemplateParam')!) as Record<string, string>
    expect(variables).toEqual({ s: '紧急', v: '网上业务信息系统'.repeat(4).slice(0, 35), n: '-' })
    expect(sent.get('Signature')).toMatch(/^[A-Za-z0-9+/]{27}=$/)
    expect(peer.arrived[0]!.body.toString()).not.toContain('SECabc')
  })

  it.each([
    ['isv.BUSINESS_LIMIT_CONTROL', { kind: 'try-again', channelDown: false, afterMs: 300_000 }],
    ['isv.DAY_LIMIT_CONTROL', { kind: 'try-again', channelDown: false }],
    ['Throttling.User', { kind: 'try-again', channelDown: false }],
    ['isv.MOBILE_NUMBER_ILLEGAL', { kind: 'refused' }],
    ['isv.AMOUNT_NOT_ENOUGH', { kind: 'try-again', channelDown: true }],
    ['isp.RAM_PERMISSION_DENY', { kind: 'try-again', channelDown: true }],
    ['InvalidAccessKeyId.NotFound', { kind: 'try-again', channelDown: true }],
    ['isp.SYSTEM_ERROR', { kind: 'try-again', channelDown: false }],
  ] as const)('%s', async (code, outcome) => {
    peer.answer = say(200, { Code: code, Message: 'said so' })
    expect(await open('sms-aliyun').send(message({ to: ['13800000001'] }), patient)).toMatchObject({ ...outcome, why: `${code}: said so` })
  })
})

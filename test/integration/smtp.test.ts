import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Message } from '../../collector/notify/channel.ts'
import { messageId, smtp } from '../../collector/notify/smtp.ts'
import { message as sample } from './message-rig.ts'
import { makeCertificates, smtpSettings, startRelay } from './smtp-rig.ts'
import type { Relay } from './smtp-rig.ts'

const patient = new AbortController().signal
const files: Record<string, string> = {}
const world = {
  readFile: (path: string): string => {
    const text = files[path]
    if (text === undefined) throw new Error(`no such file ${path}`)
    return text
  },
  env: { RELAY_PASSWORD: 'from-env' },
}
const openSmtp = (settings: ReturnType<typeof smtpSettings>, from: typeof world, timeoutMs: number) => smtp.open('mail', settings, from, timeoutMs)
const message = (changes: Partial<Message> = {}): Message => sample({ id: '7e57', to: ['a@example.org'], subject: '【紧急】web-01 挂载点 /data：文件系统将满（F20261122-001）', text: '第一行\n.\n..第三行\n', html: '<p>a</p>', at: Date.UTC(2026, 10, 22, 1, 2, 3), ...changes })

let relay: Relay
beforeEach(async () => {
  relay = await startRelay()
})
afterEach(() => relay.close())

describe('smtp', () => {
  const plain = (): ReturnType<typeof openSmtp> => openSmtp(smtpSettings({ port: relay.port, plain: true }), world, 1_000)

  it('sends Chinese subject, text and html under a stable Message-ID and date', async () => {
    const channel = plain()
    await channel.send(message(), patient)
    await channel.send(message(), patient)
    const [first, second] = relay.mails.map((one) => one.mail)
    expect(first!.subject).toBe(message().subject)
    expect(first!.text?.trimEnd()).toBe('第一行\n.\n..第三行')
    expect(first!.html).toContain('<p>a</p>')
    expect(first!.date?.getTime()).toBe(Date.UTC(2026, 10, 22, 1, 2, 3))
    expect(first!.from?.value).toEqual([{ name: '值守', address: 'zhishou@example.org' }])
    expect(first!.messageId).toBe(messageId('7e57', 'zhishou@example.org'))
    expect(second!.messageId).toBe(first!.messageId)
    expect(first!.headers.get('auto-submitted')).toBe('auto-generated')
  })

  it('lets no text become a header or a recipient', async () => {
    const subject = '故障\r\nBcc: thief@example.org\r\n\r\n正文\u2028X: y\u0000'
    await plain().send(message({ subject, to: ['a@example.org', 'b@example.org'] }), patient)
    const [one] = relay.mails
    expect(one!.to).toEqual(['a@example.org', 'b@example.org'])
    expect(one!.mail.headers.has('bcc')).toBe(false)
    expect(one!.mail.headers.has('x')).toBe(false)
    expect(one!.mail.subject).toBe('故障 Bcc: thief@example.org 正文 X: y')
    for (const address of ['a@example.org, thief@example.org', 'a@example.org\r\nRCPT TO:<thief@example.org>', '"a b"@example.org', 'a@example.org>', '值守@example.org', '@example.org']) {
      expect(() => smtpSettings({ port: 25, from: address })).toThrow(/expected one mail address/)
    }
  })

  it('sorts addresses by the answer each one got', async () => {
    relay.behaviour = 'partly'
    const outcome = await plain().send(message({ to: ['ok@example.org', 'gone@example.org', 'full@example.org'] }), patient)
    expect(outcome).toMatchObject({ kind: 'delivered', to: ['ok@example.org'], detail: expect.stringContaining('taken as 4711'), refused: [{ address: 'gone@example.org', why: expect.stringContaining('550') }], again: [{ address: 'full@example.org', why: expect.stringContaining('451') }] })
    expect(await plain().send(message({ to: ['gone@example.org', 'full@example.org'] }), patient)).toMatchObject({ kind: 'try-again', channelDown: false })
    expect(await plain().send(message({ to: ['gone@example.org'] }), patient)).toMatchObject({ kind: 'refused' })
  })

  it.each([
    ['refuse-content', { kind: 'refused', why: expect.stringContaining('554') }],
    ['later-content', { kind: 'try-again', channelDown: false }],
    ['refuse-sender', { kind: 'try-again', channelDown: true }],
  ] as const)('knows what to do with %s', async (behaviour, outcome) => {
    relay.behaviour = behaviour
    expect(await plain().send(message(), patient)).toMatchObject(outcome)
  })

  it('sends nothing without TLS unless told so: no message, no password', async () => {
    files['/run/password'] = 'secret\n'
    const channel = openSmtp(smtpSettings({ port: relay.port, user: 'zhishou', passwordFile: '/run/password' }), world, 1_000)
    expect(await channel.send(message(), patient)).toMatchObject({ kind: 'try-again', channelDown: true })
    expect(await openSmtp(smtpSettings({ port: relay.port }), world, 1_000).send(message(), patient)).toMatchObject({ kind: 'try-again', channelDown: true })
    expect(relay.mails).toEqual([])
    expect(() => smtpSettings({ host: 'relay.example.org', plain: true, user: 'u', passwordEnv: 'RELAY_PASSWORD' })).toThrow(/cross the network readable/)
  })

  it('cannot be opened without its secret, and does not print it', () => {
    expect(() => openSmtp(smtpSettings({ user: 'u', passwordFile: '/missing' }), world, 1_000)).toThrow(/notify\.channels\.mail\.passwordFile: cannot read \/missing/)
    expect(() => openSmtp(smtpSettings({ user: 'u', passwordEnv: 'NOT_SET' }), world, 1_000)).toThrow(/the variable NOT_SET is not set/)
  })
})

describe('smtp over TLS', () => {
  it('checks the relay by the named authority, signs in after that, by STARTTLS and from the first byte', async () => {
    const { ca, cert, key } = await makeCertificates()
    files['/etc/ca.pem'] = ca
    for (const secure of [false, true]) {
      const secured = await startRelay({
        cert, key, secure, authOptional: false,
        onAuth: (auth, _session, callback) => (auth.password === 'from-env' ? callback(null, { user: auth.username }) : callback(Object.assign(new Error('no'), { responseCode: 535 }))),
      })
      const settings = { port: secured.port, secure, user: 'zhishou', passwordEnv: 'RELAY_PASSWORD', caFile: '/etc/ca.pem' }
      expect(await openSmtp(smtpSettings(settings), world, 1_000).send(message(), patient)).toMatchObject({ kind: 'delivered' })
      expect(secured.mails[0]).toMatchObject({ user: 'zhishou', secure: true })
      expect(await openSmtp(smtpSettings(settings), { ...world, env: { RELAY_PASSWORD: 'wrong' } }, 1_000).send(message(), patient)).toMatchObject({ kind: 'try-again', channelDown: true, why: expect.not.stringContaining('wrong') })
      expect(await openSmtp(smtpSettings({ ...settings, caFile: undefined }), world, 1_000).send(message(), patient)).toMatchObject({ kind: 'try-again', channelDown: true, why: expect.stringMatching(/certificate|issuer/) })
      expect(secured.mails).toHaveLength(1)
      await secured.close()
    }
  })
})

describe('smtp and a peer that is no good relay', () => {
  /** A TCP server that does with a connection what it is told. */
  async function peerThat(act: (socket: Socket) => void): Promise<{ readonly port: number; close(): Promise<void> }> {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      act(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resolve())
        }),
    }
  }
  /** Speaks just enough SMTP to get as far as `at`, then does what it is told. */
  const until = (at: string, then: (socket: Socket) => void) => (socket: Socket): void => {
    socket.write('220 relay\r\n')
    let reading = ''
    let data = false
    socket.on('data', (chunk: Buffer) => {
      reading += chunk.toString()
      if (data && reading.includes('\r\n.\r\n')) {
        data = false
        return then(socket)
      }
      for (let end = reading.indexOf('\r\n'); end >= 0 && !data; end = reading.indexOf('\r\n')) {
        const line = reading.slice(0, end)
        reading = reading.slice(end + 2)
        if (line.startsWith(at)) return then(socket)
        data = line === 'DATA'
        socket.write(data ? '354 go on\r\n' : '250 fine\r\n')
      }
    })
  }
  const drip = (socket: Socket): void => {
    const timer = setInterval(() => socket.write('2'), 50)
    socket.on('close', () => clearInterval(timer))
  }

  it.each([
    ['talks something else', (socket: Socket) => socket.end('SSH-2.0-OpenSSH\r\n')],
    ['hangs up without a word', (socket: Socket) => socket.end()],
    ['never ends its greeting', drip],
    ['never ends a reply', until('RCPT', (socket) => {
      const timer = setInterval(() => socket.write('250-and\r\n'.repeat(100)), 20)
      socket.on('close', () => clearInterval(timer))
    })],
    ['closes its half after the content', until('never', (socket) => socket.end())],
    ['resets after the content', until('never', (socket) => socket.resetAndDestroy())],
    ['never answers the content', until('never', () => undefined)],
    ['answers the content for ever', until('never', drip)],
  ] as const)('%s: it is tried again, the channel is to blame, and it ends in time', async (_, act) => {
    const peer = await peerThat(act)
    const channel = openSmtp(smtpSettings({ port: peer.port, plain: true }), world, 400)
    const started = performance.now()
    // The outbox's own limit for an attempt, shortened.
    expect(await channel.send(message(), AbortSignal.timeout(1_500))).toMatchObject({ kind: 'try-again', channelDown: true })
    expect(performance.now() - started).toBeLessThan(4_000)
    await peer.close()
  })
})

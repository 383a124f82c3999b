import type { AddressInfo } from 'node:net'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { channelSettings } from '../../collector/notify/channel-settings.ts'
import type { SettingsOf } from '../../collector/notify/channel-settings.ts'

/** What the relay does with the next messages. */
export type Behaviour = 'accept' | 'refuse' | 'later' | 'stall' | 'drop' | 'refuse-content' | 'later-content' | 'refuse-sender' | 'partly'

/** A real SMTP server on a loopback port, which keeps what it has accepted. */
export interface Relay {
  readonly port: number
  behaviour: Behaviour
  /** How long the relay waits before it takes a message. */
  delayMs: number
  readonly mails: { readonly to: readonly string[]; readonly from: string; readonly mail: ParsedMail; readonly user: unknown; readonly secure: boolean }[]
  connections: number
  close(): Promise<void>
}

const reply = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code })

export async function startRelay(options: SMTPServerOptions = {}): Promise<Relay> {
  const stalled: (() => void)[] = []
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: options.key === undefined,
    disableReverseLookup: true,
    logger: false,
    ...options,
    onConnect(_session, callback) {
      relay.connections++
      if (relay.behaviour === 'stall') stalled.push(() => callback())
      else callback()
    },
    onMailFrom(_address, _session, callback) {
      callback(relay.behaviour === 'refuse-sender' ? reply(550, 'sender not allowed') : null)
    },
    onRcptTo({ address }, _session, callback) {
      if (relay.behaviour === 'refuse' || (relay.behaviour === 'partly' && address.startsWith('gone'))) return callback(reply(550, 'no such mailbox'))
      if (relay.behaviour === 'later' || (relay.behaviour === 'partly' && address.startsWith('full'))) return callback(reply(451, 'try again later'))
      callback()
    },
    onData(stream, session, callback) {
      if (relay.behaviour === 'drop') {
        stream.resume()
        for (const connection of server.connections) Reflect.get(connection, '_socket').destroy()
        return
      }
      // A sender that is killed in the middle of a message: nothing was taken.
      simpleParser(stream).then((mail) => {
        setTimeout(() => {
          if (relay.behaviour === 'refuse-content') return callback(reply(554, 'content refused'))
          if (relay.behaviour === 'later-content') return callback(reply(452, 'out of storage'))
          const { mailFrom, rcptTo } = session.envelope
          relay.mails.push({ to: rcptTo.map((one) => one.address), from: mailFrom === false ? '' : mailFrom.address, mail, user: session.user, secure: session.secure })
          callback(null, 'taken as 4711')
        }, relay.delayMs)
      }, callback)
    },
  })
  // Connections that we cut in the middle are part of the tests.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const relay: Relay = {
    port: (server.server.address() as AddressInfo).port,
    behaviour: 'accept',
    delayMs: 0,
    mails: [],
    connections: 0,
    close: () =>
      new Promise((resolve) => {
        for (const connection of server.connections) Reflect.get(connection, '_socket').destroy()
        server.close(() => resolve())
      }),
  }
  return relay
}

/** Settings for a relay, through the product's own schema. */
export function smtpSettings(values: Record<string, unknown>): SettingsOf<'email'> {
  return channelSettings.parse({ kind: 'email', host: '127.0.0.1', from: 'zhishou@example.org', ...values }) as SettingsOf<'email'>
}

/** A certificate authority and a leaf for 127.0.0.1, as PEM. */
export async function makeCertificates(): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const authority = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const leaf = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const notBefore = new Date(Date.now() - 60_000)
  const notAfter = new Date(Date.now() + 3_600_000)
  const ca = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=Test CA', keys: authority, notBefore, notAfter, signingAlgorithm: algorithm, extensions: [new x509.BasicConstraintsExtension(true, 0, true)] })
  const cert = await x509.X509CertificateGenerator.create({
    subject: 'CN=relay', issuer: ca.subject, publicKey: leaf.publicKey, signingKey: authority.privateKey, notBefore, notAfter, signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', leaf.privateKey)).toString('base64')
  return { ca: ca.toString('pem'), cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replaceAll(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n` }
}

/**
 * Mail by SMTP (nodemailer's connection and composer). One connection a message: faults are rare, and a connection of
 * its own can be cut when a relay stops answering, which a pooled one cannot.
 *
 * TLS is required: from the first byte (`secure`) or by STARTTLS, and nothing, least of all a password, is sent before
 * it, unless the settings say `plain`. Reply codes: 4xx is for now, 5xx for good (RFC 5321 4.2.1), except where a 5xx
 * speaks of us and not of the message (sign-in, sender): then the operator can mend it, and the message waits.
 */
import { createHash } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import MailComposer from 'nodemailer/lib/mail-composer'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { SMTPConnectionOptions, SMTPConnectionSendInfo } from 'nodemailer/lib/smtp-connection'
import type { SettingsOf } from './channel-settings.ts'
import type { Channel, ChannelKind, ChannelWorld, Message, Rejection, SendOutcome } from './channel.ts'
import { readNamed, readSecret, withoutSecrets } from './secret.ts'

type SmtpSettings = SettingsOf<'email'>

/** What counts as one storm of mails to the same people. */
const WINDOW_MS = 600_000
/** Longest rest between two mails to them: a fault that is new in the middle of a storm is told within this time. */
const GATHER_MOST_MS = 60_000

/** The registry's entry for mail. */
export const smtp: ChannelKind<'email'> = { kind: 'email', open: openSmtp }

/** `answerTimeoutMs`: longest wait for any one answer; the library's own defaults are minutes. */
function openSmtp(name: string, settings: SmtpSettings, world: ChannelWorld, answerTimeoutMs: number = settings.timeout): Channel {
  const key = `notify.channels.${name}`
  const password = readSecret(`${key}.password`, settings.passwordFile, settings.passwordEnv, world)
  const options = connectionOptions(key, settings, world, answerTimeoutMs)
  const open = new Set<SMTPConnection>()
  const cleaned = (text: string): string => withoutSecrets(text, password === undefined ? [] : [password])

  /** Runs `work` on a fresh, signed-in connection, which is cut on abort and closed in any case. */
  async function connected<T>(signal: AbortSignal, work: (connection: SMTPConnection) => Promise<T>): Promise<T> {
    const connection = new SMTPConnection(options)
    open.add(connection)
    let abort = (): void => undefined
    const cut = new Promise<never>((_, reject) => {
      // After a callback has been served the library reports late trouble here; without a listener it would be thrown.
      connection.on('error', reject)
      abort = () => reject(new Error('aborted'))
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
    })
    const run = async (): Promise<T> => {
      await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())))
      if (settings.user !== undefined) {
        const credentials = { user: settings.user, pass: password ?? '' }
        await new Promise<void>((resolve, reject) => connection.login({ credentials }, (error) => (error ? reject(error) : resolve())))
      }
      return work(connection)
    }
    try {
      return await Promise.race([run(), cut])
    } finally {
      signal.removeEventListener('abort', abort)
      open.delete(connection)
      connection.close()
      cut.catch(() => undefined)
    }
  }

  return {
    name,
    perMinute: settings.perMinute,
    detail: settings.detail,
    digest: { by: 'person', windows: [{ max: settings.alone + WINDOW_MS / settings.gather, ms: WINDOW_MS }], gatherMs: settings.gather, freeSends: settings.alone, gatherMostMs: GATHER_MOST_MS, aloneUpTo: settings.alone },
    async send(message, signal) {
      try {
        const raw = await compose(settings, message)
        const info = await connected(signal, async (connection) => {
          const envelope = { from: settings.from, to: [...message.to] }
          const sent = await new Promise<SMTPConnectionSendInfo>((resolve, reject) => connection.send(envelope, raw, (error, result) => (error || result === undefined ? reject(error ?? new Error('no answer')) : resolve(result))))
          connection.quit()
          return sent
        })
        return delivered(info)
      } catch (error) {
        return failed(error, message, cleaned)
      }
    },
    async check(signal) {
      try {
        await connected(signal, (connection) => {
          connection.quit()
          return Promise.resolve()
        })
        return { kind: 'up' }
      } catch (error) {
        return { kind: 'down', why: cleaned(reason(error)) }
      }
    },
    close() {
      for (const connection of open) connection.close()
    },
  }
}

function connectionOptions(key: string, settings: SmtpSettings, world: ChannelWorld, answerTimeoutMs: number): SMTPConnectionOptions {
  const tls: ConnectionOptions = { minVersion: 'TLSv1.2' }
  if (settings.caFile !== undefined) tls.ca = readNamed(`${key}.caFile`, settings.caFile, world)
  return {
    host: settings.host,
    port: settings.port,
    secure: settings.secure,
    requireTLS: !settings.secure && !settings.plain,
    ignoreTLS: settings.plain,
    connectionTimeout: answerTimeoutMs,
    greetingTimeout: answerTimeoutMs,
    socketTimeout: answerTimeoutMs,
    dnsTimeout: answerTimeoutMs,
    tls,
    logger: false,
  }
}

/** The Message-ID of a message: the same for every attempt, and it says nothing of the site beyond the sender's domain. */
export function messageId(id: string, from: string): string {
  const left = createHash('sha256').update(id).digest('hex').slice(0, 32)
  return `<${left}.zhishou@${from.slice(from.lastIndexOf('@') + 1)}>`
}

async function compose(settings: SmtpSettings, message: Message): Promise<Buffer> {
  const mail = new MailComposer({
    from: { name: '值守', address: settings.from },
    // Objects, not text: a comma in an address could otherwise name a further receiver.
    to: message.to.map((address) => ({ name: '', address })),
    // One line, whatever a label or a template put in: the library folds, it must have nothing to fold out of.
    subject: message.subject.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim(),
    text: message.text,
    html: message.html,
    messageId: messageId(message.id, settings.from),
    date: new Date(message.at),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return mail.compile().build()
}

function delivered(info: SMTPConnectionSendInfo): SendOutcome {
  const { refused, again } = rejections(info.rejected, info.rejectedErrors ?? [])
  return { kind: 'delivered', to: info.accepted, detail: info.response, refused, again }
}

/** What the library's errors carry, read without trusting any of it. */
interface SmtpFault {
  readonly code: string
  readonly responseCode: number
  readonly command: string
  readonly recipient: string
  readonly message: string
  readonly rejectedErrors: readonly unknown[]
}

function faultOf(error: unknown): SmtpFault {
  const field = (name: string): unknown => (typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined)
  const textField = (name: string): string => {
    const value = field(name)
    return typeof value === 'string' ? value : ''
  }
  const responseCode = field('responseCode')
  const list = field('rejectedErrors')
  return {
    code: textField('code'),
    responseCode: typeof responseCode === 'number' ? responseCode : 0,
    command: textField('command'),
    recipient: textField('recipient'),
    message: textField('message') || String(error),
    rejectedErrors: Array.isArray(list) ? list : [],
  }
}

function failed(error: unknown, message: Message, cleaned: (text: string) => string): SendOutcome {
  const fault = faultOf(error)
  const why = cleaned(reason(error))
  if (fault.rejectedErrors.length > 0) {
    const { again } = rejections(message.to, fault.rejectedErrors)
    return again.length > 0 ? { kind: 'try-again', why, channelDown: false } : { kind: 'refused', why }
  }
  // The content was refused after DATA, or is larger than the relay takes: no later attempt changes that.
  if (fault.code === 'EMESSAGE' && (fault.responseCode >= 500 || fault.responseCode === 0)) return { kind: 'refused', why }
  const relayAnswered = fault.code === 'EMESSAGE' || (fault.code === 'EENVELOPE' && fault.responseCode < 500)
  return { kind: 'try-again', why, channelDown: !relayAnswered }
}

/** Sorts rejected addresses by the reply each one got; one without a reply of its own is tried again. */
function rejections(rejected: readonly string[], errors: readonly unknown[]): { readonly refused: readonly Rejection[]; readonly again: readonly Rejection[] } {
  const refused: Rejection[] = []
  const again: Rejection[] = []
  for (const address of rejected) {
    const fault = errors.map(faultOf).find((one) => one.recipient === address)
    const entry = { address, why: fault?.message ?? 'no reply' }
    if (fault !== undefined && fault.responseCode >= 500) refused.push(entry)
    else again.push(entry)
  }
  return { refused, again }
}

function reason(error: unknown): string {
  const { message, code } = faultOf(error)
  return (code === '' || message.includes(code) ? message : `${message} (${code})`).slice(0, 500)
}

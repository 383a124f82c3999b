/**
 * The other side of the link, for tests of the agent alone: a TLS WebSocket server on loopback with a CA of its own that
 * decodes what it gets, acknowledges when it is told to, and misbehaves on request.
 */
import 'reflect-metadata'
import { decode, encode } from '@msgpack/msgpack'
import { AuthorityKeyIdentifierExtension, BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, PublicKey, SubjectAlternativeNameExtension, SubjectKeyIdentifierExtension, X509CertificateGenerator } from '@peculiar/x509'
import { createHash, createPublicKey, generateKeyPairSync, verify, webcrypto, X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import type { Identity } from '../agent/link/identity.ts'
import { createDecoder, type ColumnsDecoder } from '../protocol/columns.ts'
import { fromAgent, type FromCollector, type Hello, enrolRequest } from '../protocol/messages.ts'
import { type Labels, seriesText } from '../protocol/series.ts'
import { bitsOf, isStale } from '../protocol/stale.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const day = 86_400_000

export interface TestCa {
  readonly pem: string
  readonly fingerprint: string
  /** A server certificate. `named` false leaves out which key has signed it, as an impostor of the same name would. */
  leaf(named?: boolean): Promise<{ pem: string; key: string }>
  client(instance: string, publicKeyPem: string): Promise<string>
}

function pkcs8(bytes: ArrayBuffer): string {
  return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(bytes).toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`
}

/** A CA, made for one test. */
export async function testCa(name = 'test'): Promise<TestCa> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const dates = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 30 * day) }
  const serialNumber = (): string => `40${createHash('sha256').update(String(Math.random())).digest('hex').slice(0, 20)}`
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name} CA`,
    ...dates,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true), await SubjectKeyIdentifierExtension.create(keys.publicKey)],
  })
  const pem = ca.toString('pem')
  const issue = async (subject: string, publicKey: webcrypto.CryptoKey | PublicKey, extensions: SubjectAlternativeNameExtension[], named = true) =>
    X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: ca.subject,
      ...dates,
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(false, undefined, true), ...(named ? [await AuthorityKeyIdentifierExtension.create(ca.publicKey)] : []), ...extensions],
    })
  return {
    pem,
    fingerprint: createHash('sha256').update(new X509Certificate(pem).raw).digest('hex'),
    async leaf(named = true) {
      const pair = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      // Another name than the address the tests use: the pin counts, not the name.
      const made = await issue('CN=collector', pair.publicKey, [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'collector.invalid' }])], named)
      return { pem: made.toString('pem'), key: pkcs8(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)) }
    },
    async client(instance, publicKeyPem) {
      const made = await issue(`CN=${instance}`, new PublicKey(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' })), [])
      return made.toString('pem')
    },
  }
}

/** An identity as enrolling would have left it. */
export async function testIdentity(ca: TestCa, url: string, instance = 'host-a'): Promise<Identity> {
  const pair = generateKeyPairSync('ed25519')
  const certificate = await ca.client(instance, pair.publicKey.export({ type: 'spki', format: 'pem' }).toString())
  return { instance, collectors: [url], key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate, pins: [ca.pem] }
}

export interface Arrival {
  readonly connection: number
  readonly seq: number
  readonly late: boolean
  readonly events: readonly string[]
  /** `seriesText@at` → value; the stale mark as 'stale'. */
  readonly samples: ReadonlyMap<string, number | 'stale'>
}

export interface FakeOptions {
  readonly ca: TestCa
  readonly port?: number
  readonly heartbeatMs?: number
  readonly window?: number
  readonly renewInMs?: number
}

export interface FakeCollector {
  readonly url: string
  readonly port: number
  /** Batches in the order in which they came; replays too. */
  readonly arrivals: Arrival[]
  readonly hellos: Hello[]
  readonly byes: string[]
  readonly pings: { count: number }
  /** Serial numbers of the client certificates, by connection. */
  readonly clients: string[]
  /** Problems seen: malformed frames, sends beyond the window. */
  readonly faults: string[]
  /** Numbers that count as durable: told in every welcome. */
  readonly accepted: Set<number>
  /** Whether batches are acknowledged as they come; off, `ackAll` does it. */
  autoAck: boolean
  /** Whether hellos are answered. */
  greets: boolean
  /** What to answer a batch with instead of an ack, if anything. */
  answer: ((seq: number) => FromCollector | undefined) | undefined
  /** POST /enrol. */
  enrol: ((body: unknown) => Promise<{ status: number; body: unknown }>) | undefined
  ackAll(): void
  send(message: FromCollector): void
  /** Ends all sockets without a closing handshake. */
  cut(): void
  /** Reads nothing more from the sockets that are open now. */
  pause(): void
  /** Reads again. */
  resume(): void
  close(): Promise<void>
}

function ranges(numbers: Iterable<number>): [number, number][] {
  return [...numbers].sort((a, b) => a - b).map((seq) => [seq, seq])
}

export async function startFakeCollector(options: FakeOptions): Promise<FakeCollector> {
  const { ca } = options
  const leaf = await ca.leaf()
  const server: Server = createServer({ cert: `${leaf.pem}\n${ca.pem}`, key: leaf.key, ca: [ca.pem], requestCert: true, rejectUnauthorized: false })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 })
  const open = new Set<WebSocket>()
  let connections = 0
  let waiting = new Set<number>()

  const send = (socket: WebSocket, message: FromCollector): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(encode(message, { ignoreUndefined: true }))
  }
  const fake: FakeCollector = {
    url: '',
    port: 0,
    arrivals: [],
    hellos: [],
    byes: [],
    pings: { count: 0 },
    clients: [],
    faults: [],
    accepted: new Set(),
    autoAck: true,
    greets: true,
    answer: undefined,
    enrol: undefined,
    ackAll() {
      for (const seq of waiting) fake.accepted.add(seq)
      const accepted = ranges(waiting)
      waiting = new Set()
      for (const socket of open) send(socket, { t: 'ack', accepted })
    },
    send(message) {
      for (const socket of open) send(socket, message)
    },
    cut() {
      for (const socket of open) socket.terminate()
    },
    pause() {
      for (const socket of open) socket.pause()
    },
    resume() {
      for (const socket of open) socket.resume()
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.terminate()
        sockets.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  const batchOf = (message: Extract<ReturnType<typeof fromAgent.parse>, { t: 'batch' }>, connection: number, names: string[], columns: Map<string, Labels[]>, decoder: ColumnsDecoder): Arrival => {
    for (const { group, columns: added } of message.define) {
      if (!names.includes(group)) names.push(group)
      decoder.define(names.indexOf(group), added.length)
      columns.set(group, [...(columns.get(group) ?? []), ...added])
    }
    const samples = new Map<string, number | 'stale'>()
    for (const row of decoder.decode(message.columns)) {
      const labels = columns.get(names[row.group]!)!
      const bits = bitsOf(row.values)
      row.values.forEach((value, i) => samples.set(`${seriesText(labels[i]!)}@${row.at}`, isStale(bits, i) ? 'stale' : value))
    }
    return { connection, seq: message.seq, late: message.late, events: message.events.map((event) => event.text), samples }
  }

  sockets.on('connection', (socket, request) => {
    const connection = connections++
    const decoder = createDecoder()
    const names: string[] = []
    const columns = new Map<string, Labels[]>()
    open.add(socket)
    waiting = new Set()
    fake.clients.push((request.socket as TLSSocket).getPeerX509Certificate()?.serialNumber ?? '')
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => undefined)
    socket.on('ping', () => fake.pings.count++)
    socket.on('message', (data: Buffer) => {
      try {
        const message = fromAgent.parse(decode(data))
        switch (message.t) {
          case 'hello':
            fake.hellos.push(message)
            if (fake.greets) {
              const at = Date.now()
              send(socket, { t: 'welcome', version: 1, at, accepted: ranges(fake.accepted), heartbeatMs: options.heartbeatMs ?? 5_000, window: options.window ?? 16, renewAfter: at + (options.renewInMs ?? day) })
            }
            return
          case 'batch': {
            fake.arrivals.push(batchOf(message, connection, names, columns, decoder))
            const answer = fake.answer?.(message.seq)
            if (answer !== undefined) return send(socket, answer)
            waiting.add(message.seq)
            if (waiting.size > (options.window ?? 16)) fake.faults.push(`${waiting.size} batches wait, beyond the window`)
            if (fake.autoAck) fake.ackAll()
            return
          }
          case 'bye':
            fake.byes.push(`${message.why} ${message.backWithinMs}`)
            return
          case 'renew': {
            const serial = (request.socket as TLSSocket).getPeerX509Certificate()?.serialNumber ?? ''
            if (!verify(null, Buffer.from(`zhishou-renew:${serial}`), createPublicKey(message.publicKey), message.proof)) fake.faults.push('renewal with a wrong proof')
            void ca.client('host-a', message.publicKey).then((certificate) => send(socket, { t: 'certificate', certificate, pins: [ca.pem] }))
            return
          }
        }
      } catch (error) {
        fake.faults.push(error instanceof Error ? error.message : String(error))
      }
    })
  })
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/link' || !(request.socket as TLSSocket).authorized) {
      fake.faults.push('a client without a certificate of ours')
      socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request))
  })
  server.on('request', (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = enrolRequest.parse(JSON.parse(Buffer.concat(parts).toString('utf8')))
      void fake.enrol?.(body).then((reply) => response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body)))
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(fake, { port, url: `https://127.0.0.1:${port}` })
}

/** Polls until `check` holds; throws with `what` after `timeoutMs`. */
export async function until(what: string, check: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!check()) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

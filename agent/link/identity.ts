/**
 * Who this agent is, in one file of its home folder (`identity.json`, mode 0600): key, certificate and pins are written
 * together and put in place by one rename, so there is no moment at which key and certificate do not belong together.
 * `agent.crt` beside it is a copy of the certificate for people and scripts to look at; the agent never reads it.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod/mini'

const identityFile = z.strictObject({
  /** Name under which the collector knows this agent; it is in the certificate too. */
  instance: z.string().check(z.minLength(1)),
  /** `https://host:port` of the collectors, in the order in which they are tried. */
  collectors: z.array(z.string()).check(z.minLength(1)),
  /** Ed25519, PKCS 8 PEM. */
  key: z.string(),
  certificate: z.string(),
  /** CA certificates, PEM: a collector must chain to one of them, and nothing else is trusted. */
  pins: z.array(z.string()).check(z.minLength(1)),
})
export type Identity = z.infer<typeof identityFile>

const FILE = 'identity.json'
const COPY = 'agent.crt'

/** Reads the identity; undefined where the agent is not enrolled. Throws where the file is there and no good. */
export function loadIdentity(home: string): Identity | undefined {
  const path = join(home, FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new Error(`identity: cannot read ${path}`, { cause })
  }
  try {
    return identityFile.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`identity: ${path} is damaged`, { cause })
  }
}

/** Writes the identity durably and in one step: temporary file, fsync, rename, fsync of the folder. */
export function saveIdentity(home: string, identity: Identity): void {
  try {
    replaceFile(home, FILE, `${JSON.stringify(identity, undefined, 2)}\n`)
    replaceFile(home, COPY, identity.certificate)
  } catch (cause) {
    throw new Error(`identity: cannot write ${join(home, FILE)}`, { cause })
  }
}

function replaceFile(folder: string, name: string, text: string): void {
  const temporary = join(folder, `${name}.tmp`)
  const fd = openSync(temporary, 'w', 0o600)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, join(folder, name))
  const parent = openSync(folder, 'r')
  try {
    fsyncSync(parent)
  } finally {
    closeSync(parent)
  }
}

/** A new Ed25519 key: the private half as PKCS 8 PEM, the public one as SPKI PEM. */
export function newKey(): { readonly key: string; readonly publicKey: string } {
  const pair = generateKeyPairSync('ed25519')
  return { key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

/** Signature of the key over a text: what shows an issuer that the asker holds it (`messages.ts`: renew, enrolRequest). */
export function proofOf(key: string, text: string): Uint8Array<ArrayBuffer> {
  return sign(null, Buffer.from(text), createPrivateKey(key))
}

/** Serial number of a certificate as upper-case hex. */
export function serialOf(certificate: string): string {
  return new X509Certificate(certificate).serialNumber.toUpperCase()
}

/** SHA-256 over a certificate's DER, lower-case hex. */
export function fingerprintOf(certificate: string | Uint8Array): string {
  return new X509Certificate(certificate).fingerprint256.replace(/:/g, '').toLowerCase()
}

/**
 * What would make this key, certificate and these pins useless together; undefined where nothing does. Asked before an
 * identity replaces one that works: a collector's mistake must not cut an agent off for good.
 */
export function faultOf(identity: Pick<Identity, 'key' | 'certificate' | 'pins'>, nowMs: number): string | undefined {
  try {
    const certificate = new X509Certificate(identity.certificate)
    const mine = createPublicKey(createPrivateKey(identity.key)).export({ type: 'spki', format: 'pem' })
    if (certificate.publicKey.export({ type: 'spki', format: 'pem' }) !== mine) return 'the certificate is for another key'
    if (nowMs >= Date.parse(certificate.validTo)) return `the certificate ended at ${certificate.validTo}`
    if (!identity.pins.some((pin) => signedBy(certificate, new X509Certificate(pin)))) return 'no pinned CA has signed the certificate'
    return undefined
  } catch (error) {
    return `not readable: ${error instanceof Error ? error.message : String(error)}`
  }
}

/**
 * What would make these pins useless; undefined where nothing does. `peer` is the certificate the collector shows right
 * now: pins that do not cover it would cut the link off.
 */
export function pinsFaultOf(pins: readonly string[], peer: X509Certificate | undefined): string | undefined {
  try {
    const authorities = pins.map((pin) => new X509Certificate(pin))
    if (peer !== undefined && !authorities.some((ca) => signedBy(peer, ca))) return 'no pin has signed the certificate the collector shows'
    return undefined
  } catch (error) {
    return `not readable: ${error instanceof Error ? error.message : String(error)}`
  }
}

function signedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey)
}

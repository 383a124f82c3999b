/**
 * The site's own public-key infrastructure, in one folder that is all a restored collector needs:
 *
 * ```
 * HOME/pki/ca.pem        the CA that signs now: certificate and private key (0600)
 *          ca.crt        the same certificate alone, for people who want their browser to trust the console
 *          next.pem      during a rotation: the CA that will sign next, with its key
 *          previous.pem  after a rotation: the certificate of the CA before, until what it signed has run out
 *          leaf.pem      the server's certificate and key
 *          revoked.txt   serials of agents that are no longer let in
 * ```
 *
 * A rotation has three stages. `rotate` makes next.pem and both CAs are pinned by agents (overlap); after `overlapMs`
 * next becomes ca, the leaf and all renewals are signed by it, and the old one only verifies (retiring); when every
 * client certificate it signed has expired it is dropped. Certificate and key share a file, so each step is one rename.
 */
import { X509Certificate } from 'node:crypto'
import { rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { CLIENT_AUTH, CLIENT_LIFE_MS, DAY_MS, type KeyedCertificate, LEAF_LIFE_MS, fingerprintOf, issuedAt, keyed, makeAuthority, makeClient, makeLeaf, subjectNames } from './certificates.ts'
import { pemBlocks, readWhole, writeWhole } from './pem-file.ts'
import { openRevocations } from './revocations.ts'

export interface PkiSettings {
  /** HOME/pki. */
  readonly folder: string
  /** Names and addresses the collector is reached by, besides the loopback ones; IP addresses and DNS names mixed. */
  readonly names: readonly string[]
  /** How long agents are given to learn a new CA before it signs; they learn it whenever they connect. */
  readonly overlapMs?: number
}

/** What a TLS listener is made from. */
export interface PkiTls {
  readonly certificate: string
  readonly key: string
  /** CAs whose client certificates are verified. */
  readonly authorities: readonly string[]
}

export interface ClientCertificate {
  readonly pem: string
  /** Upper-case hex. */
  readonly serial: string
  readonly issuedAt: number
  readonly notAfter: number
}

/** What a client certificate proves. */
export type PeerVerdict =
  | { readonly kind: 'known'; readonly instance: string; readonly serial: string; readonly issuedAt: number; readonly notAfter: number; readonly renewAfter: number }
  | { readonly kind: 'refused'; readonly code: 'unauthenticated' | 'revoked' | 'expired'; readonly why: string; /** Whose it is, where it was signed here at all. */ readonly instance: string | undefined }

/** What `maintain` did: a new leaf must be given to the TLS server, new pins told to connected agents. */
export interface PkiChange {
  readonly leaf: boolean
  readonly pins: boolean
}

export interface Pki {
  /** sha256 of the signing CA's DER, lower-case hex. */
  fingerprint(): string
  /** CA certificates (PEM) an agent should trust from now on: the signing one first, the next one during an overlap. */
  pins(): readonly string[]
  tls(): PkiTls
  /** Signs a client certificate over an agent's public key (Ed25519 SPKI PEM; throws otherwise). */
  issue(instance: string, publicKeyPem: string, now: number): Promise<ClientCertificate>
  /** Whether that client certificate is ours, in time and not revoked; independent of what the TLS layer thought. */
  judge(certificate: X509Certificate, now: number): PeerVerdict
  revoke(serials: readonly string[], now: number, why: string): void
  revoked(): readonly string[]
  /** Begins a rotation; a no-op while one is under way. */
  rotate(now: number): Promise<void>
  /** Re-issues the leaf when a third of its life is left or its names changed. True when there is a new one. */
  ensureLeaf(now: number): Promise<boolean>
  /** The hourly look: leaf, and each step of a rotation when it is due (one begins by itself in the CA's last year). */
  maintain(now: number): Promise<PkiChange>
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1']
const OVERLAP_MS = 30 * DAY_MS
/** A CA is replaced this long before it ends. */
const CA_RENEW_MS = 365 * DAY_MS

/** Opens the folder, making the CA and the leaf where there are none. Errors name the file that is at fault. */
export async function openPki(settings: PkiSettings, now: number): Promise<Pki> {
  const path = (name: string): string => join(settings.folder, name)
  const overlapMs = settings.overlapMs ?? OVERLAP_MS
  const revocations = openRevocations(path('revoked.txt'))

  let ca = readKeyed(path('ca.pem')) ?? (await saveKeyed(path('ca.pem'), await makeAuthority(now)))
  let next = readKeyed(path('next.pem'))
  let previous = readCertificate(path('previous.pem'))
  let leaf = readKeyed(path('leaf.pem'))
  writeWhole(path('ca.crt'), ca.pem, 0o644)
  // A crash between the two renames of a promotion leaves next equal to ca.
  if (next !== undefined && next.certificate.fingerprint256 === ca.certificate.fingerprint256) {
    rmSync(path('next.pem'), { force: true })
    next = undefined
  }

  const authorities = (): X509Certificate[] => [ca.certificate, ...(next === undefined ? [] : [next.certificate]), ...(previous === undefined ? [] : [previous])]

  const ensureLeaf = async (at: number): Promise<boolean> => {
    const names = subjectNames([...LOOPBACK, ...settings.names])
    if (leaf !== undefined && leafServes(leaf.certificate, ca.certificate, names, at)) return false
    leaf = await saveKeyed(path('leaf.pem'), await makeLeaf(ca, names, at))
    return true
  }

  const promote = (): void => {
    if (next === undefined) return
    writeWhole(path('previous.pem'), ca.certificate.toString())
    previous = ca.certificate
    writeWhole(path('ca.pem'), next.pem + next.keyPem)
    ca = next
    next = undefined
    rmSync(path('next.pem'), { force: true })
    writeWhole(path('ca.crt'), ca.pem, 0o644)
  }

  const rotate = async (at: number): Promise<boolean> => {
    if (next !== undefined || previous !== undefined) return false
    next = await saveKeyed(path('next.pem'), await makeAuthority(at))
    return true
  }

  const pki: Pki = {
    fingerprint: () => fingerprintOf(ca.certificate),
    pins: () => (next === undefined ? [ca.pem] : [ca.pem, next.pem]),
    tls() {
      if (leaf === undefined) throw new Error('pki: no leaf; ensureLeaf has not run')
      return { certificate: leaf.pem, key: leaf.keyPem, authorities: authorities().map(String) }
    },
    async issue(instance, publicKeyPem, at) {
      const certificate = await makeClient(ca, instance, publicKeyPem, at)
      return { pem: certificate.toString(), serial: certificate.serialNumber, issuedAt: at, notAfter: certificate.validToDate.getTime() }
    },
    judge: (certificate, at) => judge(certificate, { signing: ca.certificate, authorities: authorities(), revoked: revocations.has, now: at }),
    revoke: (serials, at, why) => revocations.add(serials, at, why),
    revoked: () => revocations.list(),
    rotate: async (at) => void (await rotate(at)),
    ensureLeaf,
    async maintain(at) {
      let pins = false
      if (next !== undefined && at >= issuedAt(next.certificate) + overlapMs) {
        promote()
        pins = true
      } else if (next === undefined && previous !== undefined && at >= issuedAt(ca.certificate) + overlapMs + CLIENT_LIFE_MS) {
        rmSync(path('previous.pem'), { force: true })
        previous = undefined
        pins = true
      } else if (at >= ca.certificate.validToDate.getTime() - CA_RENEW_MS) {
        pins = await rotate(at)
      }
      // The listener's list of authorities changes with every step, so it needs a new context even with the same leaf.
      return { leaf: (await ensureLeaf(at)) || pins, pins }
    },
  }
  await ensureLeaf(now)
  return pki
}

interface JudgeContext {
  readonly signing: X509Certificate
  readonly authorities: readonly X509Certificate[]
  readonly revoked: (serial: string) => boolean
  readonly now: number
}

function judge(certificate: X509Certificate, context: JudgeContext): PeerVerdict {
  const refused = (code: 'unauthenticated' | 'revoked' | 'expired', why: string, of?: string): PeerVerdict => ({ kind: 'refused', code, why, instance: of })
  const issuer = context.authorities.find((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey))
  if (issuer === undefined) return refused('unauthenticated', 'the client certificate was not signed by this site')
  if (certificate.ca || !(certificate.keyUsage ?? []).includes(CLIENT_AUTH)) return refused('unauthenticated', 'the certificate is not one for agents')
  const instance: unknown = certificate.toLegacyObject().subject['CN']
  if (typeof instance !== 'string' || instance === '') return refused('unauthenticated', 'the client certificate names no instance')
  const serial = certificate.serialNumber
  if (context.revoked(serial)) return refused('revoked', `certificate ${serial} of ${instance} has been revoked`, instance)
  const notAfter = certificate.validToDate.getTime()
  if (context.now > notAfter) return refused('expired', `certificate ${serial} of ${instance} ended ${certificate.validTo}`, instance)
  if (context.now < certificate.validFromDate.getTime()) return refused('unauthenticated', `certificate ${serial} of ${instance} is not valid before ${certificate.validFrom}`, instance)
  const issued = issuedAt(certificate)
  // What an outgoing CA signed is renewed at the first chance.
  const renewAfter = issuer.fingerprint256 === context.signing.fingerprint256 ? issued + Math.floor(((notAfter - issued) * 2) / 3) : context.now
  return { kind: 'known', instance, serial, issuedAt: issued, notAfter, renewAfter }
}

function leafServes(leaf: X509Certificate, ca: X509Certificate, names: readonly string[], now: number): boolean {
  if (!leaf.checkIssued(ca) || !leaf.verify(ca.publicKey)) return false
  if (now >= leaf.validToDate.getTime() - LEAF_LIFE_MS / 3 || now < leaf.validFromDate.getTime()) return false
  const has = (leaf.subjectAltName ?? '').split(', ').length
  const carries = (name: string): boolean => (isIP(name) === 0 ? leaf.checkHost(name, { subject: 'never', wildcards: false }) : leaf.checkIP(name)) !== undefined
  return has === names.length && names.every(carries)
}

async function saveKeyed(path: string, pair: KeyedCertificate): Promise<KeyedCertificate> {
  writeWhole(path, pair.pem + pair.keyPem)
  return pair
}

function readKeyed(path: string): KeyedCertificate | undefined {
  const text = readWhole(path)
  if (text === undefined) return undefined
  const blocks = pemBlocks(text)
  const certificate = blocks.find((block) => block.label === 'CERTIFICATE')
  const key = blocks.find((block) => block.label.endsWith('PRIVATE KEY'))
  if (certificate === undefined || key === undefined) throw new Error(`pki: ${path} must hold a certificate and its private key as PEM; restore it from a backup`)
  try {
    return keyed(certificate.pem, key.pem)
  } catch (cause) {
    throw new Error(`pki: cannot use ${path}; restore it from a backup`, { cause })
  }
}

function readCertificate(path: string): X509Certificate | undefined {
  const text = readWhole(path)
  if (text === undefined) return undefined
  try {
    return new X509Certificate(text)
  } catch (cause) {
    throw new Error(`pki: cannot use ${path}; restore it from a backup`, { cause })
  }
}

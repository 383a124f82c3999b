/**
 * X.509 certificates as this site makes them (RFC 5280): a CA, server leaves, agents' client certificates. All signing is
 * ECDSA P-256 with SHA-256, which browsers and OpenSSL 1.1 take; the keys that agents bring are Ed25519.
 */
import 'reflect-metadata'
import { type KeyObject, X509Certificate, createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as ParsedCertificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

export const DAY_MS = 86_400_000
export const CA_LIFE_MS = 3_653 * DAY_MS
export const LEAF_LIFE_MS = 90 * DAY_MS
export const CLIENT_LIFE_MS = 90 * DAY_MS

/** Certificates begin a day early: a server whose clock is a time zone behind must still be able to enrol. */
export const BACKDATE_MS = DAY_MS

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A certificate with its private key, as PEM (PKCS #8) and ready to use. */
export interface KeyedCertificate {
  readonly pem: string
  readonly keyPem: string
  readonly certificate: X509Certificate
}

/** 16 random bytes as upper-case hex, the form Node prints; the first is 0x40…0x7f, so no sign or length ambiguity. */
export function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex').toUpperCase()
}

/** When this certificate was made (its start without the backdating) and when it ends, epoch milliseconds. */
export function issuedAt(certificate: X509Certificate): number {
  return certificate.validFromDate.getTime() + BACKDATE_MS
}

/** sha256 of the certificate's DER as 64 lower-case hex digits: what tokens carry and agents compare. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** A new site CA. */
export async function makeAuthority(now: number): Promise<KeyedCertificate> {
  const keys = await makeKeys()
  const serial = randomSerial()
  const made = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    // The serial in the name keeps two CAs of a rotation apart wherever a chain is built by name.
    name: [{ CN: [`Zhishou site CA ${serial.slice(0, 8)}`] }],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_LIFE_MS),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return keyed(made.toString('pem'), await privatePem(keys.privateKey))
}

/** A server certificate for these names and addresses, with a fresh key. Names that DNS cannot carry are left out. */
export async function makeLeaf(authority: KeyedCertificate, names: readonly string[], now: number): Promise<KeyedCertificate> {
  const keys = await makeKeys()
  const alternatives = subjectNames(names).map((value) => (isIP(value) === 0 ? { type: 'dns' as const, value } : { type: 'ip' as const, value }))
  const made = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: ['Zhishou collector'] }],
    issuer: issuerOf(authority),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + LEAF_LIFE_MS, authority.certificate.validToDate.getTime())),
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([SERVER_AUTH]),
      new SubjectAlternativeNameExtension(alternatives),
      await AuthorityKeyIdentifierExtension.create(await authorityKey(authority)),
    ],
  })
  return keyed(made.toString('pem'), await privatePem(keys.privateKey))
}

/** A client certificate over an agent's own key. Throws where the key is not an Ed25519 SPKI PEM. */
export async function makeClient(authority: KeyedCertificate, instance: string, publicKeyPem: string, now: number): Promise<X509Certificate> {
  const made = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: [instance] }],
    issuer: issuerOf(authority),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + CLIENT_LIFE_MS, authority.certificate.validToDate.getTime())),
    publicKey: new PublicKey(agentKey(publicKeyPem).export({ type: 'spki', format: 'der' })),
    signingKey: await signingKey(authority),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([CLIENT_AUTH]),
      await AuthorityKeyIdentifierExtension.create(await authorityKey(authority)),
    ],
  })
  return new X509Certificate(made.toString('pem'))
}

/** Reads an agent's public key: SPKI PEM, Ed25519 and nothing else. Throws with what it found. */
export function agentKey(publicKeyPem: string): KeyObject {
  // createPublicKey would also derive one from a private key; a peer that sends its private key must hear of it.
  if (!publicKeyPem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) throw new Error('agent key: expected an SPKI public key as PEM')
  let key: KeyObject
  try {
    key = createPublicKey({ key: publicKeyPem, format: 'pem' })
  } catch (cause) {
    throw new Error('agent key: not a readable public key', { cause })
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`agent key: expected Ed25519, got ${key.asymmetricKeyType}`)
  return key
}

/** Names as a certificate can carry them, without repeats, sorted. */
export function subjectNames(names: readonly string[]): readonly string[] {
  const usable = names.map((name) => (isIP(name) === 0 ? domainToASCII(name) : name)).filter((name) => name !== '')
  return [...new Set(usable)].sort()
}

/** Pairs a certificate with its key. Throws where they do not belong together. */
export function keyed(pem: string, keyPem: string): KeyedCertificate {
  const certificate = new X509Certificate(pem)
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) throw new Error('the private key does not belong to the certificate')
  // Node's own form ends with a line break, which files of several blocks need.
  return { pem: certificate.toString(), keyPem, certificate }
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString()
}

async function signingKey(authority: KeyedCertificate): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(authority.keyPem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}

async function authorityKey(authority: KeyedCertificate): Promise<PublicKey> {
  return PublicKey.create(authority.certificate.publicKey.export({ type: 'spki', format: 'der' }))
}

/** The CA's own name, taken from the certificate itself so that the two compare equal. */
function issuerOf(authority: KeyedCertificate): Name {
  return new ParsedCertificate(authority.certificate.raw).subjectName
}

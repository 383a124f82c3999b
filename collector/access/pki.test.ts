import { X509Certificate, generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { BACKDATE_MS, CLIENT_LIFE_MS, DAY_MS, makeLeaf } from './certificates.ts'
import { openPki } from './pki.ts'

const root = mkdtempSync(join(tmpdir(), 'zhishou-pki-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const folder = (): string => join(root, String(folders++))
const NOW = Date.UTC(2026, 10, 22)
const agentKey = (): string => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
const dayAfter = (days: number): number => NOW + days * DAY_MS

describe('site CA and leaf', () => {
  test('first start makes a ten-year P-256 CA and a 90-day leaf it signs, all private files 0600', async () => {
    const at = folder()
    const pki = await openPki({ folder: at, names: ['collector.example', '10.1.2.3', '值守主机'] }, NOW)
    const ca = new X509Certificate(pki.pins()[0]!)
    const leaf = new X509Certificate(pki.tls().certificate)
    expect(ca.ca).toBe(true)
    expect(ca.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
    expect(ca.validToDate.getTime() - NOW).toBeGreaterThanOrEqual(10 * 365 * DAY_MS)
    expect(pki.fingerprint()).toMatch(/^[0-9a-f]{64}$/)
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true)
    expect(leaf.validToDate.getTime()).toBe(NOW + 90 * DAY_MS)
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
    for (const name of ['localhost', 'collector.example', domainToASCII('值守主机')]) expect(leaf.checkHost(name)).toBe(name)
    for (const address of ['127.0.0.1', '::1', '10.1.2.3']) expect(leaf.checkIP(address)).toBeDefined()
    expect(leaf.checkHost('elsewhere.example')).toBeUndefined()
    for (const name of ['ca.pem', 'leaf.pem']) expect(statSync(join(at, name)).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(at, 'ca.crt'), 'utf8')).not.toContain('PRIVATE')
    expect(readdirSync(at).filter((name) => name.endsWith('.new'))).toEqual([])
  })

  test('the leaf is kept across restarts, renewed with a third of its life left, and when names change', async () => {
    const at = folder()
    const first = await openPki({ folder: at, names: ['one.example'] }, NOW)
    const leaf = first.tls().certificate
    const again = await openPki({ folder: at, names: ['one.example'] }, dayAfter(59))
    expect(again.tls().certificate).toBe(leaf)
    expect(again.fingerprint()).toBe(first.fingerprint())
    expect(await again.ensureLeaf(dayAfter(60))).toBe(true)
    expect(again.tls().certificate).not.toBe(leaf)
    const renamed = await openPki({ folder: at, names: ['two.example'] }, dayAfter(60))
    expect(new X509Certificate(renamed.tls().certificate).checkHost('two.example')).toBe('two.example')
    expect(renamed.fingerprint()).toBe(first.fingerprint())
  })

  test('restored onto a new machine from the folder alone: same CA, known agents are let in, revoked ones are not', async () => {
    const at = folder()
    const pki = await openPki({ folder: at, names: [] }, NOW)
    const good = new X509Certificate((await pki.issue('web-01', agentKey(), NOW)).pem)
    const bad = new X509Certificate((await pki.issue('web-02', agentKey(), NOW)).pem)
    pki.revoke([bad.serialNumber.toLowerCase()], NOW, 'stolen\nkey')
    const elsewhere = folder()
    cpSync(at, elsewhere, { recursive: true })
    const restored = await openPki({ folder: elsewhere, names: ['new-machine'] }, dayAfter(1))
    expect(restored.fingerprint()).toBe(pki.fingerprint())
    expect(restored.judge(good, dayAfter(1))).toMatchObject({ kind: 'known', instance: 'web-01', serial: good.serialNumber })
    expect(restored.judge(bad, dayAfter(1))).toMatchObject({ kind: 'refused', code: 'revoked', instance: 'web-02' })
    expect(new X509Certificate(restored.tls().certificate).checkHost('new-machine')).toBe('new-machine')
  })

  test.each([
    ['ca.pem', 'nonsense'],
    ['ca.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['leaf.pem', 'x'],
    ['previous.pem', 'x'],
    ['revoked.txt', 'not a line'],
  ])('a damaged %s is an error that names it', async (name, content) => {
    const at = folder()
    await openPki({ folder: at, names: [] }, NOW)
    writeFileSync(join(at, name), content)
    await expect(openPki({ folder: at, names: [] }, NOW)).rejects.toThrow(join(at, name))
  })

  test('key and certificate of different pairs are refused', async () => {
    const one = folder()
    const two = folder()
    await openPki({ folder: one, names: [] }, NOW)
    await openPki({ folder: two, names: [] }, NOW)
    const certificate = readFileSync(join(one, 'ca.pem'), 'utf8').split('-----BEGIN PRIVATE')[0]!
    const key = readFileSync(join(two, 'ca.pem'), 'utf8').split('-----END CERTIFICATE-----\n')[1]!
    writeFileSync(join(one, 'ca.pem'), certificate + key)
    await expect(openPki({ folder: one, names: [] }, NOW)).rejects.toThrow(join(one, 'ca.pem'))
  })
})

describe('client certificates', () => {
  test('carry the agent key, 90 days, clientAuth, a random 16-byte serial; renewal is due with a third left', async () => {
    const pki = await openPki({ folder: folder(), names: [] }, NOW)
    const key = agentKey()
    const issued = await pki.issue('数据库-01', key, NOW)
    const certificate = new X509Certificate(issued.pem)
    expect(certificate.publicKey.export({ type: 'spki', format: 'pem' })).toBe(key)
    expect(issued.notAfter).toBe(NOW + CLIENT_LIFE_MS)
    expect(issued.serial).toMatch(/^[4-7][0-9A-F]{31}$/)
    expect((await pki.issue('x', key, NOW)).serial).not.toBe(issued.serial)
    expect(pki.judge(certificate, NOW)).toEqual({ kind: 'known', instance: '数据库-01', serial: issued.serial, issuedAt: NOW, notAfter: issued.notAfter, renewAfter: NOW + CLIENT_LIFE_MS * (2 / 3) })
  })

  test('names of 128 characters fit', async () => {
    const pki = await openPki({ folder: folder(), names: [] }, NOW)
    const name = 'a'.repeat(128)
    expect(pki.judge(new X509Certificate((await pki.issue(name, agentKey(), NOW)).pem), NOW)).toMatchObject({ kind: 'known', instance: name })
  })

  test('only ours, for agents, in time and not revoked pass', async () => {
    const pki = await openPki({ folder: folder(), names: [] }, NOW)
    const stranger = await openPki({ folder: folder(), names: [] }, NOW)
    const mine = new X509Certificate((await pki.issue('web-01', agentKey(), NOW)).pem)
    const foreign = new X509Certificate((await stranger.issue('web-01', agentKey(), NOW)).pem)
    expect(pki.judge(foreign, NOW)).toMatchObject({ kind: 'refused', code: 'unauthenticated', instance: undefined })
    expect(pki.judge(new X509Certificate(pki.tls().certificate), NOW)).toMatchObject({ code: 'unauthenticated', instance: undefined })
    expect(pki.judge(new X509Certificate(pki.pins()[0]!), NOW)).toMatchObject({ code: 'unauthenticated' })
    expect(pki.judge(mine, NOW + CLIENT_LIFE_MS + 1)).toMatchObject({ code: 'expired', instance: 'web-01' })
    expect(pki.judge(mine, NOW - BACKDATE_MS - 1)).toMatchObject({ code: 'unauthenticated' })
    pki.revoke([mine.serialNumber], NOW, 'lost')
    expect(pki.judge(mine, NOW)).toMatchObject({ code: 'revoked' })
    expect(pki.revoked()).toEqual([mine.serialNumber])
  })

  test.each([
    ['a P-256 key', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['a private key', () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['no key', () => 'hello'],
    ['a broken key', () => '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
  ])('%s is not certified', async (_, make) => {
    const pki = await openPki({ folder: folder(), names: [] }, NOW)
    await expect(pki.issue('web-01', make(), NOW)).rejects.toThrow('agent key')
  })
})

describe('rotation', () => {
  test('overlap, then the new CA signs while the old one still verifies, then the old one is gone', async () => {
    const at = folder()
    const pki = await openPki({ folder: at, names: [], overlapMs: 30 * DAY_MS }, NOW)
    const old = pki.pins()[0]!
    const early = new X509Certificate((await pki.issue('web-01', agentKey(), NOW)).pem)
    await pki.rotate(NOW)
    await pki.rotate(NOW)
    expect(pki.pins()).toHaveLength(2)
    expect(pki.pins()[0]).toBe(old)
    const next = pki.pins()[1]!
    expect(await pki.maintain(dayAfter(29))).toEqual({ leaf: false, pins: false })
    expect(new X509Certificate(pki.tls().certificate).checkIssued(new X509Certificate(old))).toBe(true)

    // The overlap is counted from the files, so a restart does not begin it anew.
    const later = await openPki({ folder: at, names: [], overlapMs: 30 * DAY_MS }, dayAfter(29))
    expect(await later.maintain(dayAfter(30))).toEqual({ leaf: true, pins: true })
    expect(later.pins()).toEqual([next])
    expect(new X509Certificate(later.tls().certificate).verify(new X509Certificate(next).publicKey)).toBe(true)
    expect(later.tls().authorities).toHaveLength(2)
    // Still let in, and asked to renew at once.
    expect(later.judge(early, dayAfter(30))).toMatchObject({ kind: 'known', renewAfter: dayAfter(30) })

    const end = await openPki({ folder: at, names: [], overlapMs: 30 * DAY_MS }, dayAfter(31))
    expect(end.judge(early, dayAfter(31))).toMatchObject({ kind: 'known' })
    await end.maintain(dayAfter(121))
    expect(end.tls().authorities).toEqual([next])
    expect(end.judge(early, dayAfter(31))).toMatchObject({ code: 'unauthenticated' })
  })

  test('begins by itself in the last year of the CA', async () => {
    const pki = await openPki({ folder: folder(), names: [] }, NOW)
    await pki.maintain(dayAfter(3_200))
    expect(pki.pins()).toHaveLength(1)
    expect((await pki.maintain(dayAfter(3_300))).pins).toBe(true)
    expect(pki.pins()).toHaveLength(2)
  })

  test('a crash between the two renames of a promotion is mended', async () => {
    const at = folder()
    const pki = await openPki({ folder: at, names: [] }, NOW)
    await pki.rotate(NOW)
    const next = readFileSync(join(at, 'next.pem'), 'utf8')
    await pki.maintain(dayAfter(30))
    writeFileSync(join(at, 'next.pem'), next)
    const again = await openPki({ folder: at, names: [] }, dayAfter(30))
    expect(again.pins()).toHaveLength(1)
    expect(again.fingerprint()).toBe(pki.fingerprint())
  })
})

test('a leaf never outlives its CA', async () => {
  const { makeAuthority } = await import('./certificates.ts')
  const ca = await makeAuthority(NOW)
  const leaf = await makeLeaf(ca, ['localhost'], dayAfter(3_650))
  expect(leaf.certificate.validToDate.getTime()).toBe(ca.certificate.validToDate.getTime())
})

import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type FakeCollector, startFakeCollector, type TestCa, testCa } from '../test/fake-collector.ts'
import type { EnrolRequest } from '../protocol/messages.ts'
import { enrol, parseToken } from './enrol.ts'
import { faultOf, loadIdentity, saveIdentity } from './link/identity.ts'

let ca: TestCa
beforeAll(async () => {
  ca = await testCa()
})
const open: FakeCollector[] = []
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close()
})

const now = Date.now()
const tokenText = (body: Record<string, unknown>) => `zs1.${Buffer.from(JSON.stringify(body)).toString('base64url')}`
const tokenFor = (fake: FakeCollector, fingerprint = ca.fingerprint) => parseToken(tokenText({ u: fake.url, f: fingerprint, s: 'secret', h: 'host-a', e: now + 60_000 }), now)

async function collector(authority = ca, reply?: { status: number; body: unknown }): Promise<{ fake: FakeCollector; seen: EnrolRequest[] }> {
  const fake = await startFakeCollector({ ca: authority })
  open.push(fake)
  const seen: EnrolRequest[] = []
  fake.enrol = async (body) => {
    const request = body as EnrolRequest
    seen.push(request)
    return reply ?? { status: 200, body: { instance: request.host, certificate: await ca.client(request.host, request.publicKey), pins: [ca.pem] } }
  }
  return { fake, seen }
}

describe('enrol', () => {
  it('trades a token for an identity that works, and stores it for its owner only', async () => {
    const { fake, seen } = await collector()
    const identity = await enrol(tokenFor(fake), 'host-a', Date.now)
    expect(identity).toMatchObject({ instance: 'host-a', collectors: [fake.url], pins: [ca.pem] })
    expect(faultOf(identity, now)).toBeUndefined()
    expect(verify(null, Buffer.from('zhishou-enrol:secret'), createPublicKey(seen[0]!.publicKey), Buffer.from(seen[0]!.proof, 'base64'))).toBe(true)
    expect(JSON.stringify(seen)).not.toContain('PRIVATE')

    const home = mkdtempSync(join(tmpdir(), 'enrol-'))
    try {
      expect(loadIdentity(home)).toBeUndefined()
      saveIdentity(home, identity)
      expect(loadIdentity(home)).toEqual(identity)
      expect(statSync(join(home, 'identity.json')).mode & 0o777).toBe(0o600)
    } finally {
      rmSync(home, { recursive: true })
    }
  })

  it('sends nothing to a server that does not show the CA the token names', async () => {
    const other = await testCa('other')
    const { fake, seen } = await collector(other)
    await expect(enrol(tokenFor(fake), 'host-a', Date.now)).rejects.toThrow(/证书链里没有令牌指定的站点 CA.*nothing was sent/)
    expect(seen).toEqual([])
  })

  it('sends nothing to a server that shows the CA without holding a certificate of it', async () => {
    const other = await testCa('test')
    // The impostor presents its own leaf and our CA, which anybody can have.
    const { fake, seen } = await collector({ ...other, pem: ca.pem, leaf: () => other.leaf(false) })
    await expect(enrol(tokenFor(fake), 'host-a', Date.now)).rejects.toThrow(/证书未通过令牌指纹校验/)
    expect(seen).toEqual([])
  })

  it('names what failed, in Chinese and English', async () => {
    const { fake } = await collector(ca, { status: 403, body: { code: 'expired', message: '令牌已被使用' } })
    await expect(enrol(tokenFor(fake), 'host-a', Date.now)).rejects.toThrow(/拒绝了令牌.*令牌已被使用.*refused the token/)
    await expect(enrol(tokenFor(fake), 'host-b', Date.now)).rejects.toThrow(/令牌是为主机 host-a 生成的，本机是 host-b/)
    await expect(enrol({ ...tokenFor(fake), url: 'https://127.0.0.1:1' }, 'host-a', Date.now)).rejects.toThrow(/连不上采集中心.*cannot reach/)
    const { fake: broken } = await collector(ca, { status: 200, body: { instance: 'x' } })
    await expect(enrol(tokenFor(broken), 'host-a', Date.now)).rejects.toThrow(/看不懂/)
    const { fake: wrongKey } = await collector(ca, { status: 200, body: { instance: 'host-a', certificate: (await ca.leaf()).pem, pins: [ca.pem] } })
    await expect(enrol(tokenFor(wrongKey), 'host-a', Date.now)).rejects.toThrow(/another key/)
  })

  it('refuses tokens that are none', () => {
    const good = { u: 'https://h:1', f: 'a'.repeat(64), s: 's', h: 'host', e: now + 1 }
    expect(parseToken(` ${tokenText(good)}\n`, now)).toMatchObject({ url: 'https://h:1', host: 'host' })
    expect(() => parseToken('zs2.x', now)).toThrow(/zs1/)
    expect(() => parseToken('zs1.e30', now)).toThrow(/令牌不完整/)
    expect(() => parseToken(tokenText({ ...good, u: 'http://h' }), now)).toThrow(/不是 https/)
    expect(() => parseToken(tokenText({ ...good, e: now }), now)).toThrow(/过期/)
    expect(() => parseToken(tokenText({ ...good, x: 1 }), now)).toThrow(/令牌不完整/)
  })
})

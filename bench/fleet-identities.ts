/** Certificates as enrolment would hand them out, entered in state.db, without a thousand HTTP requests. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createStateIdentities } from '../collector/access/identities-state.ts'
import { openPki } from '../collector/access/pki.ts'
import { openState } from '../collector/state/open.ts'

/** One host's name with its certificate and key, PEM. */
export interface FleetIdentity {
  readonly name: string
  readonly certificate: string
  readonly key: string
}

/** Enrols these hosts in `home`, before its collector starts; `pins`: the site CA's certificates. */
export async function fleetIdentities(home: string, names: readonly string[]): Promise<{ readonly hosts: readonly FleetIdentity[]; readonly pins: readonly string[] }> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const now = Date.now()
  const pki = await openPki({ folder: join(home, 'pki'), names: [] }, now)
  const state = await openState(join(home, 'state.db'))
  const identities = createStateIdentities(state)
  const hosts: FleetIdentity[] = []
  for (const [index, name] of names.entries()) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const issued = await pki.issue(name, publicKey.export({ type: 'spki', format: 'pem' }).toString(), now)
    await identities.addToken({ id: `t${index}`, secretHash: `hash${index}`, host: name, createdAt: now, expiresAt: now + 3_600_000 })
    await identities.enrol({ secretHash: `hash${index}`, certificate: { serial: issued.serial, instance: name, issuedAt: issued.issuedAt, notAfter: issued.notAfter }, now })
    hosts.push({ name, certificate: issued.pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() })
  }
  await state.close()
  return { hosts, pins: pki.pins() }
}

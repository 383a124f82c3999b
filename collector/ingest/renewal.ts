import { verify } from 'node:crypto'
import type { RefusalCode } from '../../protocol/reply.ts'
import { agentKey } from '../access/certificates.ts'
import type { Identities } from '../access/identities.ts'
import type { Pki } from '../access/pki.ts'
import type { Peer } from './peer.ts'

export type Renewal = { readonly kind: 'renewed'; readonly certificate: string } | { readonly kind: 'refused'; readonly code: RefusalCode; readonly why: string }

interface Dependencies {
  readonly pki: Pick<Pki, 'issue'>
  readonly identities: Pick<Identities, 'addCertificate'>
}

/**
 * A new certificate over an agent's new key, for the agent of this connection. The proof is the new key's signature over
 * `zhishou-renew:` + the serial of the certificate in use, so a key cannot be certified that the agent does not hold.
 * The certificate is entered before it is handed out, so that it can be revoked. Rejects when state.db fails.
 */
export async function renewCertificate({ pki, identities }: Dependencies, peer: Peer, request: { readonly publicKey: string; readonly proof: Uint8Array }, now: number): Promise<Renewal> {
  try {
    if (!verify(null, Buffer.from(`zhishou-renew:${peer.serial}`), agentKey(request.publicKey), request.proof)) {
      return { kind: 'refused', code: 'unauthenticated', why: 'renewal: the proof does not match the key' }
    }
  } catch (error) {
    return { kind: 'refused', code: 'malformed', why: `renewal: ${error instanceof Error ? error.message : String(error)}` }
  }
  const certificate = await pki.issue(peer.instance, request.publicKey, now)
  await identities.addCertificate({ ...certificate, instance: peer.instance })
  return { kind: 'renewed', certificate: certificate.pem }
}

import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { RefusalCode } from '../../protocol/reply.ts'
import type { Identities } from '../access/identities.ts'
import type { Pki } from '../access/pki.ts'

/** Who is at the other end of a connection, as its client certificate proves. */
export interface Peer {
  readonly instance: string
  readonly serial: string
  readonly address: string
  readonly renewAfter: number
}

/** `stranger`: nothing proves that it is one of ours. `unwelcome`: an agent of ours that may not connect (any more). */
export type PeerCheck =
  | { readonly kind: 'peer'; readonly peer: Peer }
  | { readonly kind: 'unwelcome'; readonly peer: Peer; readonly code: RefusalCode; readonly why: string }
  | { readonly kind: 'stranger'; readonly why: string }

interface Dependencies {
  readonly pki: Pick<Pki, 'judge'>
  readonly identities: Pick<Identities, 'agent' | 'adopt'>
}

/**
 * Checks the client certificate of a TLS connection: there, signed by a CA of ours, for agents, in time, not revoked, and
 * of an agent that has not been removed. An agent that state.db does not know is entered: our CA's signature is the
 * proof, and after a restore from the pki folder alone the fleet comes back this way. Rejects when state.db fails.
 */
export async function judgePeer({ pki, identities }: Dependencies, socket: Duplex, address: string, now: number): Promise<PeerCheck> {
  if (!(socket instanceof TLSSocket)) return { kind: 'stranger', why: 'the link needs TLS' }
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return { kind: 'stranger', why: 'no client certificate was shown' }
  const verdict = pki.judge(certificate, now)
  if (verdict.kind === 'refused') {
    if (verdict.instance === undefined) return { kind: 'stranger', why: verdict.why }
    return { kind: 'unwelcome', code: verdict.code, why: verdict.why, peer: { instance: verdict.instance, serial: certificate.serialNumber, address, renewAfter: now } }
  }
  const { instance, serial, issuedAt, notAfter, renewAfter } = verdict
  const peer: Peer = { instance, serial, address, renewAfter }
  if (!socket.authorized) return { kind: 'unwelcome', peer, code: 'unauthenticated', why: `TLS did not verify the certificate: ${String(socket.authorizationError)}` }
  const agent = await identities.agent(instance)
  if (agent === undefined) await identities.adopt({ serial, instance, issuedAt, notAfter }, now)
  else if (agent.removedAt !== undefined) return { kind: 'unwelcome', peer, code: 'revoked', why: `${instance} has been removed` }
  // It may have been revoked while state.db was asked; from here to the open connection nothing else can come between.
  const again = pki.judge(certificate, now)
  return again.kind === 'known' ? { kind: 'peer', peer } : { kind: 'unwelcome', peer, code: again.code, why: again.why }
}

import type { Identities } from './identities.ts'
import type { Pki } from './pki.ts'

/**
 * Takes an agent out of the fleet: its certificates are revoked, in state.db and in the pki folder, and it is no longer
 * waited for. Returns the serials whose connections must end now (`link.drop`). The host may enrol again with a new token.
 */
export async function removeAgent(parts: { readonly pki: Pick<Pki, 'revoke'>; readonly identities: Pick<Identities, 'remove'> }, instance: string, why: string, now: number): Promise<readonly string[]> {
  const serials = await parts.identities.remove(instance, now, why)
  parts.pki.revoke(serials, now, why)
  return serials
}

/** At start: a crash between the two writes of a revocation leaves the folder behind state.db; this brings it up. */
export async function completeRevocations(parts: { readonly pki: Pick<Pki, 'revoke'>; readonly identities: Pick<Identities, 'revokedSerials'> }, now: number): Promise<void> {
  parts.pki.revoke(await parts.identities.revokedSerials(), now, 'revoked in state.db')
}

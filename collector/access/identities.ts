/**
 * Who may connect: one-time tokens, agents and the certificates they were given. Times are epoch milliseconds, serials
 * upper-case hex. All functions reject only when the database itself fails.
 */
export interface Identities {
  addToken(token: NewEnrolToken): Promise<void>
  /** The token with that secret's hash, used or not. */
  token(secretHash: string): Promise<EnrolToken | undefined>
  /**
   * Spends a token and enters the certificate it bought, as one transaction: of two racing uses exactly one is `done`.
   * The agent is made or brought back. Certificates the instance had before are marked revoked; their serials come
   * back, because the same host enrolling again means the old key is gone or should be.
   */
  enrol(entry: Enrolment): Promise<EnrolmentOutcome>
  /** Enters a renewed certificate; older ones stay valid until they end. */
  addCertificate(certificate: CertificateEntry): Promise<void>
  /** Makes the agent if it is unknown (a collector restored from the pki folder alone meets its fleet again). */
  adopt(certificate: CertificateEntry, now: number): Promise<void>
  agent(instance: string): Promise<Agent | undefined>
  /** Every agent that has not been removed. */
  agents(): Promise<readonly Agent[]>
  certificates(instance: string): Promise<readonly IssuedCertificate[]>
  /** Marks all certificates of an instance revoked and the agent removed; returns the serials that were still valid. */
  remove(instance: string, now: number, why: string): Promise<readonly string[]>
  /** Remembers when agents were last heard, and what they said of themselves where `info` is given; one transaction. */
  touch(seen: readonly AgentSeen[]): Promise<void>
  revokedSerials(): Promise<readonly string[]>
}

export interface NewEnrolToken {
  readonly id: string
  /** sha256 of the secret, lower-case hex; the secret itself is never stored. */
  readonly secretHash: string
  readonly host: string
  readonly createdAt: number
  readonly expiresAt: number
}

export interface EnrolToken extends NewEnrolToken {
  readonly usedAt: number | undefined
}

export interface CertificateEntry {
  readonly serial: string
  readonly instance: string
  readonly issuedAt: number
  readonly notAfter: number
}

export interface IssuedCertificate extends CertificateEntry {
  readonly revokedAt: number | undefined
  readonly revokeReason: string | undefined
}

export interface Enrolment {
  readonly secretHash: string
  readonly certificate: CertificateEntry
  readonly now: number
}

export type EnrolmentOutcome = { readonly kind: 'done'; readonly superseded: readonly string[] } | { readonly kind: 'spent' }

export interface Agent {
  readonly instance: string
  readonly createdAt: number
  readonly removedAt: number | undefined
  readonly lastSeenAt: number | undefined
  readonly info: AgentInfo | undefined
}

/** What an agent last said about itself, and until when its silence is expected (`forever` after a stop). */
export interface AgentInfo {
  readonly version: string
  readonly node: string
  readonly hostname: string
  readonly machineId: string
  readonly intervalMs: number
  readonly heldUntil: number | 'forever' | undefined
}

export interface AgentSeen {
  readonly instance: string
  readonly lastSeenAt: number
  readonly info: AgentInfo | undefined
}

/** Who may do what: the only source for code, console and tests. */

/** Roles of people, and `reader` for the bearer token that scripts and dashboards use. */
export const roles = ['system-admin', 'security-admin', 'auditor', 'duty', 'onsite', 'project-manager', 'client-manager', 'assessor', 'reader'] as const
export type Role = (typeof roles)[number]

/**
 * Roles that a program's token may have. The three administrations are for people who sign in: a token lies in a file of
 * some other machine and has no second factor.
 */
export const tokenRoles = ['duty', 'onsite', 'project-manager', 'client-manager', 'assessor', 'reader'] as const satisfies readonly Role[]
export type TokenRole = (typeof tokenRoles)[number]

/** Whoever owns the machine, as the first system administrator, makes the other two administrations and nobody else (三权分立). */
export const firstMakes = ['security-admin', 'auditor'] as const satisfies readonly Role[]
/** The security administrator makes the accounts of those who do the work and of those who look; no administration. */
export const securityMakes = ['duty', 'onsite', 'project-manager', 'client-manager', 'assessor'] as const satisfies readonly Role[]

/** What a route may ask for. */
export const permissions = [
  'overview.read',
  'hosts.read',
  'alerts.read',
  'alerts.write',
  'silences.write',
  /** The test button of a channel. */
  'channels.test',
  'duty.read',
  'duty.contacts',
  'duty.write',
  'incidents.read',
  'incidents.act',
  /** Adding to the work log. */
  'work.write',
  'agents.manage',
  'accounts.manage',
  /** Saying which person of the duty file uses an account. */
  'accounts.link',
  'audit.read',
  'query.read',
  'self.read',
  /** Taking the site's changed files into use; what they say is decided by whoever may write them. */
  'config.reload',
  /** Availability, months, maintenance windows, service requests, guard periods. */
  'service.read',
  'service.write',
  /** Freezing a month, and correcting it by annotation. */
  'months.freeze',
  /** Amounts of money: project and client managers only. */
  'exposure.read',
] as const
export type Permission = (typeof permissions)[number]

/** Everything that is only looked at, the audit log aside. */
const look = ['overview.read', 'hosts.read', 'alerts.read', 'duty.read', 'incidents.read', 'query.read', 'self.read', 'service.read'] as const satisfies readonly Permission[]

/** Changing rosters, and seeing how to reach people: those who plan and hold the duty. */
const dutyPlan = ['duty.contacts', 'duty.write'] as const satisfies readonly Permission[]

/**
 * Role × permission. The three administrations are kept apart (三权分立): who runs the system, who manages accounts, who
 * reads the audit log. While accounts cannot be managed in the console yet, the system administrator also acts on
 * incidents and keeps the service books, or nobody could; `incidents.act`, `service.write` and `months.freeze` leave that
 * row with the room for accounts. Amounts of money (`exposure.read`) it never sees.
 */
export const matrix: Readonly<Record<Role, readonly Permission[]>> = {
  'system-admin': [...look, ...dutyPlan, 'incidents.act', 'work.write', 'alerts.write', 'silences.write', 'channels.test', 'agents.manage', 'accounts.link', 'config.reload', 'service.write', 'months.freeze'],
  'security-admin': ['overview.read', 'hosts.read', 'self.read', 'accounts.manage'],
  auditor: ['overview.read', 'self.read', 'audit.read'],
  duty: [...look, ...dutyPlan, 'incidents.act', 'work.write', 'alerts.write', 'silences.write', 'channels.test', 'config.reload', 'service.write'],
  onsite: [...look, ...dutyPlan, 'incidents.act', 'work.write', 'alerts.write', 'silences.write', 'channels.test', 'config.reload', 'service.write'],
  'project-manager': [...look, ...dutyPlan, 'channels.test', 'service.write', 'months.freeze', 'exposure.read', 'work.write'],
  'client-manager': ['overview.read', 'hosts.read', 'alerts.read', 'duty.read', 'incidents.read', 'query.read', 'service.read', 'exposure.read'],
  assessor: [...look, 'audit.read'],
  reader: look,
}

/** Whether a word read from storage is a role. */
export function isRole(word: string): word is Role {
  return roles.some((role) => role === word)
}

/** Whether a word is a role that a token may have. */
export function isTokenRole(word: string): word is TokenRole {
  return tokenRoles.some((role) => role === word)
}

/** What a role may do; an unknown role may do nothing. */
export function permissionsOf(role: string): ReadonlySet<string> {
  return new Set(isRole(role) ? matrix[role] : [])
}

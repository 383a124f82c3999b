/** Who may do what: the only source for code, console and tests. */

/** Roles of people, and `reader` for the bearer token that scripts and dashboards use. */
export const roles = ['system-admin', 'security-admin', 'auditor', 'duty', 'onsite', 'project-manager', 'client-manager', 'assessor', 'reader'] as const
export type Role = (typeof roles)[number]

/** What a route may ask for. */
export const permissions = [
  'overview.read',
  'hosts.read',
  'alerts.read',
  'alerts.write',
  'silences.write',
  'incidents.read',
  'incidents.act',
  'agents.manage',
  'accounts.manage',
  'audit.read',
  'query.read',
  'self.read',
] as const
export type Permission = (typeof permissions)[number]

/** Everything that is only looked at, the audit log aside. */
const look = ['overview.read', 'hosts.read', 'alerts.read', 'incidents.read', 'query.read', 'self.read'] as const satisfies readonly Permission[]

/**
 * Role × permission. The three administrations are kept apart (三权分立): who runs the system, who manages accounts, who
 * reads the audit log. While accounts other than the first cannot be made yet, the system administrator also acts on
 * incidents, or nobody could; `incidents.act` leaves that row with the room for accounts.
 */
export const matrix: Readonly<Record<Role, readonly Permission[]>> = {
  'system-admin': [...look, 'incidents.act', 'alerts.write', 'silences.write', 'agents.manage'],
  'security-admin': ['overview.read', 'hosts.read', 'self.read', 'accounts.manage'],
  auditor: ['overview.read', 'self.read', 'audit.read'],
  duty: [...look, 'incidents.act', 'alerts.write', 'silences.write'],
  onsite: [...look, 'incidents.act', 'alerts.write', 'silences.write'],
  'project-manager': look,
  'client-manager': ['overview.read', 'hosts.read', 'alerts.read', 'incidents.read', 'query.read'],
  assessor: [...look, 'audit.read'],
  reader: look,
}

/** Whether a word read from storage is a role. */
export function isRole(word: string): word is Role {
  return roles.some((role) => role === word)
}

/** What a role may do; an unknown role may do nothing. */
export function permissionsOf(role: string): ReadonlySet<string> {
  return new Set(isRole(role) ? matrix[role] : [])
}

/**
 * What state.db holds, as types. Times are epoch milliseconds, `*_json` columns hold JSON text, hashes are lower-case
 * hex. No column is filled by the database itself (no auto-increment): keys are made by the code, so that the same
 * statements run on SQLite and PostgreSQL.
 */
export interface Schema {
  readonly schema_version: SchemaVersionTable
  readonly enrol_token: EnrolTokenTable
  readonly agent_certificate: AgentCertificateTable
  readonly agent: AgentTable
  readonly rule_alert: RuleAlertTable
  readonly incident: IncidentTable
  readonly incident_event: IncidentEventTable
  readonly incident_alert: IncidentAlertTable
  readonly outbox: OutboxTable
  readonly receipt: ReceiptTable
  readonly account: AccountTable
  readonly session: SessionTable
  readonly read_token: ReadTokenTable
  readonly address_failure: AddressFailureTable
  readonly audit: AuditTable
  readonly setting: SettingTable
}

/** Which migrations have run. */
export interface SchemaVersionTable {
  version: number
  name: string
  applied_at: number
}

/** A one-time enrolment token; only the hash of its secret is kept. */
export interface EnrolTokenTable {
  id: string
  secret_hash: string
  /** The only instance name this token may enrol. */
  host: string
  created_at: number
  expires_at: number
  used_at: number | null
}

/** Every client certificate the site CA has signed. */
export interface AgentCertificateTable {
  serial: string
  instance: string
  issued_at: number
  not_after: number
  revoked_at: number | null
  revoke_reason: string | null
}

/** An agent the collector knows. `info_json` is what it last said about itself. */
export interface AgentTable {
  instance: string
  created_at: number
  removed_at: number | null
  last_seen_at: number | null
  info_json: string | null
}

/** State of one instance of an alerting rule, so that `for` and `keep_firing_for` survive a restart. */
export interface RuleAlertTable {
  fingerprint: string
  group_name: string
  /** Which rule of the group: the primary key is (group_name, rule_key, fingerprint). */
  rule_key: string
  labels_json: string
  annotations_json: string
  state: 'pending' | 'firing' | 'resolved'
  active_at: number
  started_at: number
  fired_at: number | null
  resolved_at: number | null
  keep_until: number | null
  /** null stands for NaN, which SQLite cannot keep. */
  value: number | null
  saved_at: number
}

/** Projection of an incident's events: `body_json` is the whole folded state, the other columns are for lists. */
export interface IncidentTable {
  id: number
  /** F20261122-001, the day by Asia/Shanghai. */
  number: string
  key: string
  state: 'open' | 'recovered' | 'closed'
  service: string
  instance: string
  fault: string
  severity: string
  profile: string
  started_at: number
  opened_at: number
  recovered_at: number | null
  closed_at: number | null
  /** `seq` of the newest event folded into this row. */
  version: number
  body_json: string
}

/** The incident's timeline, the truth from which `incident` is folded. */
export interface IncidentEventTable {
  incident_id: number
  seq: number
  at: number
  kind: string
  actor: string | null
  body_json: string
}

/** Which alerts an incident holds, for finding the incident of an alert. */
export interface IncidentAlertTable {
  incident_id: number
  fingerprint: string
  name: string
  state: 'firing' | 'no-data' | 'resolved'
  started_at: number
  joined_at: number
}

/** A message that is owed to one receiver by one channel. */
export interface OutboxTable {
  /** Also the left half of the mail's Message-ID, so that a repeat is recognised. */
  id: string
  channel: string
  receiver: string
  /** Refuses a second message for the same cause: unique. */
  dedup_key: string
  incident_id: number | null
  message_json: string
  state: 'queued' | 'sending' | 'sent' | 'failed' | 'dead'
  attempts: number
  created_at: number
  /** Not tried before this time. */
  due_at: number
  updated_at: number
  last_error: string | null
}

/** What came of one attempt to send. */
export interface ReceiptTable {
  outbox_id: string
  attempt: number
  at: number
  outcome: 'delivered' | 'try-again' | 'refused' | 'interrupted'
  detail_json: string
}

/** A person who may sign in. */
export interface AccountTable {
  user: string
  role: string
  /** See access/passwords.ts for the format. */
  password_hash: string
  /** JSON list of the hashes before it, newest first, which may not come back. */
  previous_hashes_json: string
  /** 1: only the password may be changed. */
  must_change: number
  created_at: number
  created_by: string
  disabled_at: number | null
  failed_count: number
  first_failed_at: number | null
  locked_until: number | null
  password_changed_at: number
  last_sign_in_at: number | null
}

/** A signed-in browser. */
export interface SessionTable {
  token_hash: string
  user: string
  address: string
  created_at: number
  last_used_at: number
  revoked_at: number | null
  revoke_reason: string | null
}

/** A bearer token for read-only routes. */
export interface ReadTokenTable {
  id: string
  token_hash: string
  name: string
  created_at: number
  revoked_at: number | null
}

/** Failed sign-ins by network address. */
export interface AddressFailureTable {
  address: string
  failed_count: number
  first_failed_at: number
  locked_until: number | null
}

/** The hash-chained log; see audit.ts. */
export interface AuditTable {
  seq: number
  at: number
  actor: string
  action: string
  object: string
  detail_json: string
  previous_hash: string
  hash: string
}

/** Small values of the collector's own, one a key. */
export interface SettingTable {
  key: string
  value_json: string
}

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
  readonly sms_reply_seen: SmsReplySeenTable
  readonly receipt: ReceiptTable
  readonly account: AccountTable
  readonly session: SessionTable
  readonly read_token: ReadTokenTable
  readonly address_failure: AddressFailureTable
  readonly audit: AuditTable
  readonly setting: SettingTable
  readonly routed_alert: RoutedAlertTable
  readonly notification_log: NotificationLogTable
  readonly silence: SilenceTable
  readonly decision: DecisionTable
  readonly duty_override: DutyOverrideTable
  readonly duty_told: DutyToldTable
  readonly ack_link_use: AckLinkUseTable
  readonly ack_code: AckCodeTable
  readonly ack_reply: AckReplyTable
  readonly channel_send: ChannelSendTable
  readonly sms_usage: SmsUsageTable
  readonly incident_hidden: IncidentHiddenTable
  readonly attachment_content: AttachmentContentTable
  readonly attachment: AttachmentTable
  readonly work_log: WorkLogTable
  readonly service_event: ServiceEventTable
  readonly service_request: ServiceRequestTable
  readonly blind_time: BlindTimeTable
  readonly frozen_month: FrozenMonthTable
  readonly month_annotation: MonthAnnotationTable
  readonly silence_request: SilenceRequestTable
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
  /** As lists need it: an incident without data is `open`, one that went into another is `closed`. */
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
  /** The incident it went into. */
  merged_into: number | null
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
  /** `superseded`: what it was to say no longer holds, so it was not sent. */
  state: 'queued' | 'sending' | 'sent' | 'failed' | 'dead' | 'superseded'
  attempts: number
  created_at: number
  /** Not tried before this time. */
  due_at: number
  updated_at: number
  last_error: string | null
  /** Whose messages are counted and put together: the addresses in one text. */
  person: string
  /** The send that last took the row along. */
  send_id: string | null
  /** 1: the opening of a critical incident, which waits behind no reminder. */
  urgent: number
}

/** An answer by SMS that was taken, known by a hash. */
export interface SmsReplySeenTable {
  channel: string
  id: string
  at: number
}

/** What came of one attempt to send. */
export interface ReceiptTable {
  outbox_id: string
  attempt: number
  at: number
  outcome: 'delivered' | 'try-again' | 'refused' | 'interrupted' | 'superseded'
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
  /** Id of the person of the duty file who uses it. */
  person: string | null
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

/** A bearer token of a program; `role` says what it may do. */
export interface ReadTokenTable {
  id: string
  token_hash: string
  name: string
  created_at: number
  revoked_at: number | null
  role: string
  /** null: until it is revoked. */
  expires_at: number | null
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

/** An alert as routing holds it (see notify/routed-alert.ts), so that a restart loses no recovery. */
export interface RoutedAlertTable {
  fingerprint: string
  alert_json: string
  /** Groups that have told its end and let it go. */
  left_json: string
  updated_at: number
  /** When routing let go of it; the row stays for explanations until the retention ends. */
  gone_at: number | null
}

/** What one integration of a receiver was last told about a group: Alertmanager's notification log. */
export interface NotificationLogTable {
  group_key: string
  receiver: string
  integration: string
  at: number
  firing_json: string
  resolved_json: string
  expires_at: number
}

/** A silence, also ended ones while they are kept. */
export interface SilenceTable {
  id: string
  matchers_json: string
  starts_at: number
  ends_at: number
  created_by: string
  comment: string
  created_at: number
  updated_at: number
  /** The end it was made with. */
  first_ends_at: number
  /** The silence whose matchers this one changed. */
  replaces: string | null
}

/** What the notify pipeline decided in one flush, or in several equal ones in a row (`at` to `last_at`, `times`). */
export interface DecisionTable {
  id: number
  at: number
  last_at: number
  times: number
  group_key: string
  receiver: string
  /** '' where the decision was for the whole receiver. */
  integration: string
  stage: string
  outcome: string
  firing_json: string
  resolved_json: string
  why_json: string
  outbox_ids_json: string
}

/** An attempt to send, kept while a rate window lasts. */
export interface ChannelSendTable {
  id: string
  channel: string
  person: string
  at: number
  /** 1: it took something urgent along. */
  urgent: number
}

/** What an SMS channel was billed on one day, by office time; attempts whose outcome is unknown included. */
export interface SmsUsageTable {
  channel: string
  /** `2026-11-22` */
  day: string
  segments: number
  messages: number
}

/** What people changed beside the duty file (see duty/override.ts); never edited, only taken back. */
export interface DutyOverrideTable {
  id: number
  body_json: string
  reason: string
  made_by: string
  made_at: number
  revoked_at: number | null
  revoked_by: string | null
  revoke_reason: string | null
}

/** Escalation steps that were told; `repeat` 0 is the step itself. */
export interface DutyToldTable {
  /** The incident's number. */
  incident: string
  clock: 'respond' | 'dispose' | 'recover'
  /** Percent of the clock's time. */
  used: number
  repeat: number
  at: number
}

/** Links out of messages that have been used, kept until they would have expired. */
export interface AckLinkUseTable {
  nonce: string
  incident: string
  person: string
  at: number
  expires_at: number
}

/** The code by which one person answers an SMS about one incident. */
export interface AckCodeTable {
  incident: string
  person: string
  code: string
  made_at: number
  expires_at: number
  used_at: number | null
}

/** Answers by SMS and what came of them. `person` null: the number is nobody's. */
export interface AckReplyTable {
  seq: number
  at: number
  person: string | null
  outcome: string
  incident: string | null
}

/** Alerts that an incident explains. `facts_json` is the alert as it was when it was hidden. */
export interface IncidentHiddenTable {
  incident_id: number
  fingerprint: string
  name: string
  instance: string
  state: 'firing' | 'no-data' | 'ended' | 'released' | 'moved'
  started_at: number
  hidden_at: number
  /** null: hidden now. */
  ended_at: number | null
  facts_json: string
}

/** The bytes of attachments, once per content. */
export interface AttachmentContentTable {
  sha256: string
  content: Uint8Array
}

/** A file that somebody added to an incident. */
export interface AttachmentTable {
  id: number
  incident_id: number
  name: string
  /** What its bytes were seen to be, not what was claimed. */
  type: string
  size_bytes: number
  sha256: string
  added_at: number
  added_by: string
}

/** One entry of the work log, on an incident or by itself. Entries are never changed. */
export interface WorkLogTable {
  id: number
  incident_id: number | null
  kind: string
  service: string | null
  text: string
  minutes: number
  worked_at: number
  recorded_at: number
  recorded_by: string
}

/** What happened to a maintenance window, service request or guard period: the truth these are folded from. */
export interface ServiceEventTable {
  stream: 'window' | 'request' | 'guard'
  /** M20261122-001, Q20261122-001, G20261122-001, the day by office time. */
  id: string
  seq: number
  at: number
  actor: string
  body_json: string
}

/** Finds requests by time; everything else is folded from their events. */
export interface ServiceRequestTable {
  id: string
  received_at: number
  ended_at: number | null
  /** `seq` of the newest event. */
  version: number
}

/** When the monitoring could not see. */
export interface BlindTimeTable {
  id: number
  why: 'collector-down' | 'agent-silent' | 'no-data'
  /** '' for every service. */
  service: string
  object: string
  from_at: number
  /** null while it lasts. */
  to_at: number | null
}

/** A frozen month (see service/frozen-month.ts). */
export interface FrozenMonthTable {
  seq: number
  /** `2026-07` */
  month: string
  frozen_at: number
  actor: string
  /** Why it was frozen although incidents of it were open. */
  forced: string | null
  body_json: string
  previous_hash: string
  hash: string
}

/** A correction beside a frozen month. */
export interface MonthAnnotationTable {
  seq: number
  month: string
  at: number
  actor: string
  body_json: string
  previous_hash: string
  hash: string
}

/** A silence, or a change of one, that needs a second person. `decided_at` null: it still waits. */
export interface SilenceRequestTable {
  id: string
  /** The silence it would change. */
  changes: string | null
  matchers_json: string
  starts_at: number
  ends_at: number
  owner: string
  reason: string
  asked_at: number
  decided_at: number | null
  decided_by: string | null
  /** What the second person said when they refused; null: they agreed. */
  refusal: string | null
  /** What came of it. */
  silence_id: string | null
}

import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/** One step forward. Never changed once released: the next step corrects it. */
export interface Migration {
  readonly name: string
  /** Statements run in order inside one transaction. Types are ones SQLite and PostgreSQL both know. */
  readonly statements: readonly string[]
}

/** Every step from the empty file on; a step's version is its place, counted from 1. */
export const migrations: readonly Migration[] = [
  {
    name: 'spine',
    statements: [
      `create table enrol_token (
        id text primary key, secret_hash text not null, host text not null,
        created_at bigint not null, expires_at bigint not null, used_at bigint)`,
      `create table agent_certificate (
        serial text primary key, instance text not null, issued_at bigint not null, not_after bigint not null,
        revoked_at bigint, revoke_reason text)`,
      `create index agent_certificate_by_instance on agent_certificate (instance)`,
      `create table agent (
        instance text primary key, created_at bigint not null, removed_at bigint, last_seen_at bigint, info_json text)`,
      `create table rule_alert (
        fingerprint text not null, group_name text not null, rule_key text not null, labels_json text not null,
        annotations_json text not null, state text not null check (state in ('pending', 'firing', 'resolved')),
        active_at bigint not null, started_at bigint not null, fired_at bigint, resolved_at bigint, keep_until bigint,
        value double precision, saved_at bigint not null,
        primary key (group_name, rule_key, fingerprint))`,
      `create table incident (
        id bigint primary key, number text not null unique, key text not null,
        state text not null check (state in ('open', 'recovered', 'closed')),
        service text not null, instance text not null, fault text not null, severity text not null, profile text not null,
        started_at bigint not null, opened_at bigint not null, recovered_at bigint, closed_at bigint,
        version bigint not null, body_json text not null)`,
      // One incident a key at a time, whatever the code believes.
      `create unique index incident_live_key on incident (key) where state <> 'closed'`,
      `create index incident_by_state on incident (state, started_at)`,
      // A storm asks for the newest of a key for every alert.
      `create index incident_by_key on incident (key, id)`,
      `create table incident_event (
        incident_id bigint not null references incident (id), seq bigint not null, at bigint not null, kind text not null,
        actor text, body_json text not null, primary key (incident_id, seq))`,
      `create table incident_alert (
        incident_id bigint not null references incident (id), fingerprint text not null, name text not null,
        state text not null check (state in ('firing', 'no-data', 'resolved')),
        started_at bigint not null, joined_at bigint not null, primary key (incident_id, fingerprint))`,
      `create index incident_alert_by_fingerprint on incident_alert (fingerprint, incident_id)`,
      `create table outbox (
        id text primary key, channel text not null, receiver text not null, dedup_key text not null unique,
        incident_id bigint references incident (id), message_json text not null,
        state text not null check (state in ('queued', 'sending', 'sent', 'failed', 'dead')),
        attempts bigint not null, created_at bigint not null, due_at bigint not null, updated_at bigint not null,
        last_error text)`,
      `create index outbox_by_due on outbox (state, due_at)`,
      `create table receipt (
        outbox_id text not null references outbox (id), attempt bigint not null, at bigint not null,
        outcome text not null check (outcome in ('delivered', 'try-again', 'refused', 'interrupted')),
        detail_json text not null, primary key (outbox_id, attempt))`,
      // "user" is a reserved word in PostgreSQL; the query builder quotes every name, so here it is quoted too.
      `create table account (
        "user" text primary key, role text not null, password_hash text not null, previous_hashes_json text not null, must_change integer not null,
        created_at bigint not null, created_by text not null, disabled_at bigint, failed_count bigint not null,
        first_failed_at bigint, locked_until bigint, password_changed_at bigint not null, last_sign_in_at bigint)`,
      `create table session (
        token_hash text primary key, "user" text not null references account ("user"), address text not null,
        created_at bigint not null, last_used_at bigint not null, revoked_at bigint, revoke_reason text)`,
      `create index session_by_user on session ("user")`,
      `create table read_token (
        id text primary key, token_hash text not null unique, name text not null, created_at bigint not null,
        revoked_at bigint)`,
      `create table address_failure (
        address text primary key, failed_count bigint not null, first_failed_at bigint not null, locked_until bigint)`,
      `create table audit (
        seq bigint primary key, at bigint not null, actor text not null, action text not null, object text not null,
        detail_json text not null, previous_hash text not null, hash text not null unique)`,
      `create trigger audit_no_update before update on audit
        begin select raise(abort, 'audit: rows are never changed'); end`,
      `create trigger audit_no_delete before delete on audit
        begin select raise(abort, 'audit: rows are never deleted'); end`,
      `create table setting (key text primary key, value_json text not null)`,
    ],
  },
  {
    name: 'routing',
    statements: [
      `create table routed_alert (
        fingerprint text primary key, alert_json text not null, left_json text not null, updated_at bigint not null,
        gone_at bigint)`,
      `create index routed_alert_by_gone on routed_alert (gone_at)`,
      `create table notification_log (
        group_key text not null, receiver text not null, integration text not null, at bigint not null,
        firing_json text not null, resolved_json text not null, expires_at bigint not null,
        primary key (group_key, receiver, integration))`,
      `create table silence (
        id text primary key, matchers_json text not null, starts_at bigint not null, ends_at bigint not null,
        created_by text not null, comment text not null, created_at bigint not null, updated_at bigint not null,
        first_ends_at bigint not null, replaces text)`,
      `create index silence_by_end on silence (ends_at)`,
      `create table decision (
        id bigint primary key, at bigint not null, last_at bigint not null, times bigint not null,
        group_key text not null, receiver text not null, integration text not null, stage text not null,
        outcome text not null, firing_json text not null, resolved_json text not null, why_json text not null,
        outbox_ids_json text not null)`,
      `create index decision_by_last_at on decision (last_at)`,
      `create index decision_by_group on decision (group_key, last_at)`,
      // Tokens of programs that write (amtool, an outside Prometheus) carry a role; the older ones only read.
      `alter table read_token add column role text not null default 'reader'`,
    ],
  },
  {
    name: 'channels',
    statements: [
      // Whose messages are counted and put together: the addresses in one text.
      `alter table outbox add column person text not null default ''`,
      // The send that last took the row along.
      `alter table outbox add column send_id text`,
      `create index outbox_by_person on outbox (channel, state, person, due_at)`,
      // Attempts of the last hours, so that rates hold over a restart.
      `create table channel_send (
        id text primary key, channel text not null, person text not null, at bigint not null)`,
      `create index channel_send_by_channel on channel_send (channel, at)`,
      `create table sms_usage (
        channel text not null, day text not null, segments bigint not null, messages bigint not null,
        primary key (channel, day))`,
    ],
  },
  {
    name: 'duty',
    statements: [
      `create table duty_override (
        id bigint primary key, body_json text not null, reason text not null, made_by text not null, made_at bigint not null,
        revoked_at bigint, revoked_by text, revoke_reason text)`,
      `create table duty_told (
        incident text not null, clock text not null check (clock in ('respond', 'dispose', 'recover')),
        used double precision not null, repeat bigint not null, at bigint not null,
        primary key (incident, clock, used, repeat))`,
      `create table ack_link_use (
        nonce text primary key, incident text not null, person text not null, at bigint not null, expires_at bigint not null)`,
      `create table ack_code (
        incident text not null, person text not null, code text not null, made_at bigint not null, expires_at bigint not null,
        used_at bigint, primary key (incident, person))`,
      `create index ack_code_by_code on ack_code (code, expires_at)`,
      `create table ack_reply (
        seq bigint primary key, at bigint not null, person text, outcome text not null, incident text)`,
      `create index ack_reply_by_person on ack_reply (person, at)`,
    ],
  },
  {
    name: 'incidents',
    statements: [
      `alter table incident add column merged_into bigint`,
      `create index incident_by_merged on incident (merged_into)`,
      // What a cause's incident explains; an alert is in it once an incident, with its newest state.
      `create table incident_hidden (
        incident_id bigint not null references incident (id), fingerprint text not null, name text not null,
        instance text not null, state text not null check (state in ('firing', 'no-data', 'ended', 'released', 'moved')),
        started_at bigint not null, hidden_at bigint not null, ended_at bigint, facts_json text not null,
        primary key (incident_id, fingerprint))`,
      `create index incident_hidden_now on incident_hidden (incident_id) where ended_at is null`,
      // Equal files are kept once.
      `create table attachment_content (sha256 text primary key, content bytea not null)`,
      `create table attachment (
        id bigint primary key, incident_id bigint not null references incident (id), name text not null, type text not null,
        size_bytes bigint not null, sha256 text not null references attachment_content (sha256),
        added_at bigint not null, added_by text not null)`,
      `create index attachment_by_incident on attachment (incident_id)`,
      `create table work_log (
        id bigint primary key, incident_id bigint references incident (id), kind text not null, service text,
        text text not null, minutes bigint not null check (minutes >= 0), worked_at bigint not null,
        recorded_at bigint not null, recorded_by text not null)`,
      `create index work_log_by_time on work_log (worked_at)`,
      `create index work_log_by_incident on work_log (incident_id)`,
    ],
  },
  {
    name: 'service',
    statements: [
      // What happened to maintenance windows, service requests and guard periods; they are folded from these rows alone.
      `create table service_event (
        stream text not null check (stream in ('window', 'request', 'guard')), id text not null, seq bigint not null,
        at bigint not null, actor text not null, body_json text not null, primary key (stream, id, seq))`,
      `create index service_event_by_time on service_event (at)`,
      `create trigger service_event_no_update before update on service_event
        begin select raise(abort, 'service_event: rows are never changed'); end`,
      `create trigger service_event_no_delete before delete on service_event
        begin select raise(abort, 'service_event: rows are never deleted'); end`,
      // Finds the requests of a month without folding every one.
      `create table service_request (id text primary key, received_at bigint not null, ended_at bigint, version bigint not null)`,
      `create index service_request_by_time on service_request (received_at, ended_at)`,
      `create table blind_time (
        id bigint primary key, why text not null check (why in ('collector-down', 'agent-silent', 'no-data')),
        service text not null, object text not null, from_at bigint not null, to_at bigint)`,
      `create unique index blind_time_lasting on blind_time (why, service, object) where to_at is null`,
      `create index blind_time_by_end on blind_time (to_at, from_at)`,
      `create table frozen_month (
        seq bigint primary key, month text not null unique, frozen_at bigint not null, actor text not null, forced text,
        body_json text not null, previous_hash text not null, hash text not null unique)`,
      `create trigger frozen_month_no_update before update on frozen_month
        begin select raise(abort, 'frozen_month: rows are never changed'); end`,
      `create trigger frozen_month_no_delete before delete on frozen_month
        begin select raise(abort, 'frozen_month: rows are never deleted'); end`,
      `create table month_annotation (
        seq bigint primary key, month text not null references frozen_month (month), at bigint not null, actor text not null,
        body_json text not null, previous_hash text not null, hash text not null unique)`,
      `create trigger month_annotation_no_update before update on month_annotation
        begin select raise(abort, 'month_annotation: rows are never changed'); end`,
      `create trigger month_annotation_no_delete before delete on month_annotation
        begin select raise(abort, 'month_annotation: rows are never deleted'); end`,
    ],
  },
  {
    name: 'silence requests',
    statements: [
      // Silences that wait for a second person, and what became of them.
      `create table silence_request (
        id text primary key, changes text, matchers_json text not null, starts_at bigint not null, ends_at bigint not null,
        owner text not null, reason text not null, asked_at bigint not null, decided_at bigint, decided_by text, refusal text,
        silence_id text)`,
      `create index silence_request_by_end on silence_request (ends_at)`,
    ],
  },
  {
    name: 'outbox-waiting',
    statements: [
      // All that is asked of what waits, without its text: in a storm thousands wait, and each is as long as its incident.
      `create index outbox_waiting on outbox (channel, state, person, due_at, created_at, id)`,
      'drop index outbox_by_person',
    ],
  },
  {
    name: 'account-person',
    statements: [
      // Who in the duty file uses the account, by the file's id; what incidents are somebody's is compared by it.
      'alter table account add column person text',
    ],
  },
  {
    name: 'superseded messages',
    statements: [
      // A check cannot be changed in place: both tables are made anew, and the later names take over the reference.
      `create table outbox_next (
        id text primary key, channel text not null, receiver text not null, dedup_key text not null unique,
        incident_id bigint references incident (id), message_json text not null,
        state text not null check (state in ('queued', 'sending', 'sent', 'failed', 'dead', 'superseded')),
        attempts bigint not null, created_at bigint not null, due_at bigint not null, updated_at bigint not null,
        last_error text, person text not null default '', send_id text)`,
      `insert into outbox_next (id, channel, receiver, dedup_key, incident_id, message_json, state, attempts, created_at, due_at, updated_at, last_error, person, send_id)
        select id, channel, receiver, dedup_key, incident_id, message_json, state, attempts, created_at, due_at, updated_at, last_error, person, send_id from outbox`,
      `create table receipt_next (
        outbox_id text not null references outbox_next (id), attempt bigint not null, at bigint not null,
        outcome text not null check (outcome in ('delivered', 'try-again', 'refused', 'interrupted', 'superseded')),
        detail_json text not null, primary key (outbox_id, attempt))`,
      `insert into receipt_next (outbox_id, attempt, at, outcome, detail_json) select outbox_id, attempt, at, outcome, detail_json from receipt`,
      'drop table receipt',
      'drop table outbox',
      'alter table outbox_next rename to outbox',
      'alter table receipt_next rename to receipt',
      `create index outbox_by_due on outbox (state, due_at)`,
      `create index outbox_waiting on outbox (channel, state, person, due_at, created_at, id)`,
    ],
  },
  {
    name: 'token-expiry',
    statements: [
      // Tokens of before have none, and stay good until they are revoked.
      'alter table read_token add column expires_at bigint',
    ],
  },
  {
    name: 'sms replies',
    statements: [
      // Answers that were taken, by a hash of the gateway's id: gateways repeat what they believe was not heard.
      `create table sms_reply_seen (
        channel text not null, id text not null, at bigint not null, primary key (channel, id))`,
    ],
  },
  {
    name: 'urgent messages',
    statements: [
      // The opening of a critical incident goes by the place that is kept for it. In the index, so that no text is read for it.
      'alter table outbox add column urgent bigint not null default 0',
      'alter table channel_send add column urgent bigint not null default 0',
      'drop index outbox_waiting',
      `create index outbox_waiting on outbox (channel, state, person, due_at, created_at, id, urgent)`,
    ],
  },
]

/**
 * Brings the file to the newest version, each step in a transaction of its own with its version row, and returns the
 * version reached. Throws when the file was written by a newer program: going back would lose what it added.
 */
export async function migrate(db: Kysely<Schema>, now: number, steps: readonly Migration[] = migrations): Promise<number> {
  await sql`create table if not exists schema_version (
    version bigint primary key, name text not null, applied_at bigint not null)`.execute(db)
  const newest = await db.selectFrom('schema_version').select('version').orderBy('version', 'desc').limit(1).executeTakeFirst()
  const from = newest?.version ?? 0
  if (from > steps.length) {
    throw new Error(`state: the file is at version ${from}, this program knows ${steps.length}; start the newer program`)
  }
  for (const [index, step] of steps.entries()) {
    const version = index + 1
    if (version <= from) continue
    try {
      await db.transaction().execute(async (trx) => {
        for (const statement of step.statements) await sql.raw(statement).execute(trx)
        await trx.insertInto('schema_version').values({ version, name: step.name, applied_at: now }).execute()
      })
    } catch (cause) {
      throw new Error(`state: cannot migrate to version ${version} (${step.name})`, { cause })
    }
  }
  return steps.length
}

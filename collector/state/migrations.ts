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

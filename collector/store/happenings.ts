/** Events, facts and check results: rows of their own tables, written in the commit that accepts their batch. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CheckResult, Event, Fact } from '../../protocol/events.ts'
import { numberOf, textOf, type SqlRow } from './schema.ts'
import type { MetricStore, Store, StoredCheck, StoredEvent, StoredFact } from './store.ts'

export interface Happenings {
  /** Inside the caller's transaction. */
  add(stream: string, events: readonly Event[], facts: readonly Fact[], checks: readonly CheckResult[]): void
  events(query: Parameters<Store['events']>[0]): readonly StoredEvent[]
  facts(stream: string): readonly StoredFact[]
  checks(query: Parameters<MetricStore['checks']>[0]): readonly StoredCheck[]
  /** Deletes what is older, at most `limit` rows a table; the newest value of a fact stays. Rows deleted. */
  expire(beforeMs: number, limit: number): number
}

/** Prepares the statements; they live as long as `db`. */
export function createHappenings(db: DatabaseSync): Happenings {
  const addEvent = db.prepare('INSERT INTO event (stream, at, kind, rule, severity, text, labels) VALUES (?, ?, ?, ?, ?, ?, ?)')
  const addCheck = db.prepare('INSERT INTO check_result (stream, at, name, verdict, text) VALUES (?, ?, ?, ?, ?)')
  const before = db.prepare('SELECT id, json FROM fact WHERE stream = ? AND name = ? AND at <= ? ORDER BY at DESC, id DESC LIMIT 1')
  const touchFact = db.prepare('UPDATE fact SET seen = max(seen, ?) WHERE id = ?')
  const addFact = db.prepare('INSERT INTO fact (stream, name, at, seen, json) VALUES (?, ?, ?, ?, ?)')
  const newest = db.prepare(`SELECT f.stream, f.name, f.seen, f.json FROM fact f
    WHERE f.stream = ? AND f.id = (SELECT g.id FROM fact g WHERE g.stream = f.stream AND g.name = f.name ORDER BY g.at DESC, g.id DESC LIMIT 1) ORDER BY f.name`)
  const expiring = [
    db.prepare('DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ? ORDER BY at LIMIT ?)'),
    db.prepare('DELETE FROM check_result WHERE id IN (SELECT id FROM check_result WHERE at < ? ORDER BY at LIMIT ?)'),
    db.prepare(`DELETE FROM fact WHERE id IN (SELECT f.id FROM fact f WHERE f.seen < ?
      AND EXISTS (SELECT 1 FROM fact g WHERE g.stream = f.stream AND g.name = f.name AND (g.at > f.at OR (g.at = f.at AND g.id > f.id))) ORDER BY f.seen LIMIT ?)`),
  ]
  const prepared = new Map<string, StatementSync>()
  const all = (sql: string, values: readonly (string | number)[]): SqlRow[] => {
    let statement = prepared.get(sql)
    if (statement === undefined) prepared.set(sql, (statement = db.prepare(sql)))
    return statement.all(...values)
  }

  return {
    add(stream, events, facts, checks) {
      for (const event of events) addEvent.run(stream, event.at, event.kind, event.rule, event.severity, event.text, JSON.stringify(event.labels))
      for (const check of checks) addCheck.run(stream, check.at, check.check, check.verdict, check.text)
      for (const fact of facts) {
        const row = before.get(stream, fact.name, fact.at)
        if (row !== undefined && row['json'] === fact.json) touchFact.run(fact.at, numberOf(row, 'id'))
        else addFact.run(stream, fact.name, fact.at, fact.at, fact.json)
      }
    },
    events(query) {
      const where = conditions([
        ['at >= ?', query.sinceMs],
        ['at <= ?', query.untilMs],
        ['stream = ?', query.stream],
        ['kind = ?', query.kind],
        ['id > ?', query.afterId],
      ])
      const order = query.afterId === undefined ? 'at DESC, id DESC' : 'id'
      return all(`SELECT id, stream, at, kind, rule, severity, text, labels FROM event${where.sql} ORDER BY ${order} LIMIT ?`, [...where.values, query.limit]).map(eventOf)
    },
    facts: (stream) => newest.all(stream).map((row) => ({ stream: textOf(row, 'stream'), name: textOf(row, 'name'), at: numberOf(row, 'seen'), json: textOf(row, 'json') })),
    checks(query) {
      const where = conditions([
        ['at >= ?', query.sinceMs],
        ['stream = ?', query.stream],
        ['name = ?', query.check],
      ])
      return all(`SELECT id, stream, at, name, verdict, text FROM check_result${where.sql} ORDER BY at DESC, id DESC LIMIT ?`, [...where.values, query.limit]).map(checkOf)
    },
    expire: (beforeMs, limit) => expiring.reduce((sum, statement) => sum + Number(statement.run(beforeMs, limit).changes), 0),
  }
}

function conditions(parts: readonly (readonly [sql: string, value: string | number | undefined])[]) {
  const used = parts.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]))
  return { sql: used.length === 0 ? '' : ` WHERE ${used.map((part) => part.sql).join(' AND ')}`, values: used.map((part) => part.value) }
}

const SEVERITIES = ['critical', 'warning', 'info'] as const
const VERDICTS = ['ok', 'warning', 'critical', 'unknown'] as const

function eventOf(row: SqlRow): StoredEvent {
  const severity = SEVERITIES.find((each) => each === textOf(row, 'severity')) ?? 'warning'
  return { id: numberOf(row, 'id'), stream: textOf(row, 'stream'), at: numberOf(row, 'at'), kind: textOf(row, 'kind'), rule: textOf(row, 'rule'), severity, text: textOf(row, 'text'), labels: labelsOf(textOf(row, 'labels')) }
}

function checkOf(row: SqlRow): StoredCheck {
  const verdict = VERDICTS.find((each) => each === textOf(row, 'verdict')) ?? 'unknown'
  return { id: numberOf(row, 'id'), stream: textOf(row, 'stream'), at: numberOf(row, 'at'), check: textOf(row, 'name'), verdict, text: textOf(row, 'text') }
}

function labelsOf(json: string): Record<string, string> {
  const parsed: unknown = JSON.parse(json)
  if (typeof parsed !== 'object' || parsed === null) return {}
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)]))
}

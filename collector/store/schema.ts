/**
 * `metrics.db`: the tables, and the settings of the connection. WAL with `synchronous=FULL`: what a commit took survives
 * a power cut. The lock is exclusive: two collectors on one file would each trust their own memory. 8 KiB pages
 * cost least bytes and CPU (docs/decisions/store.md).
 */
import { DatabaseSync } from 'node:sqlite'

/** Raised by one with every migration below. */
const VERSION = 1

const TABLES = `
CREATE TABLE pair (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, length INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE grp (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL, newest REAL, main_through INTEGER NOT NULL, late_through INTEGER NOT NULL, dead BLOB NOT NULL) STRICT;
CREATE TABLE segment (group_id INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, length INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (group_id, first)) STRICT, WITHOUT ROWID;
CREATE TABLE chunk (id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, late INTEGER NOT NULL, start_ms REAL NOT NULL, end_ms REAL NOT NULL, rows INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX chunk_by_group ON chunk (group_id, end_ms, start_ms, late, rows);
CREATE TABLE log (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE accepted (stream TEXT NOT NULL, epoch TEXT NOT NULL, used INTEGER NOT NULL, ranges TEXT NOT NULL, PRIMARY KEY (stream, epoch)) STRICT, WITHOUT ROWID;
CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL, labels TEXT NOT NULL) STRICT;
CREATE INDEX event_by_time ON event (at);
CREATE INDEX event_by_stream ON event (stream, at);
CREATE INDEX event_by_kind ON event (kind, at);
CREATE TABLE fact (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL, seen REAL NOT NULL, json TEXT NOT NULL) STRICT;
CREATE INDEX fact_by_name ON fact (stream, name, at);
CREATE INDEX fact_by_time ON fact (seen);
CREATE TABLE check_result (id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, at REAL NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX check_by_time ON check_result (at);
CREATE INDEX check_by_name ON check_result (name, at);
`

/**
 * Opens the file, makes what is missing, and takes the lock. Throws with the path and the cause: in use by another
 * process, written by a newer version, damaged, not permitted.
 */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { timeout: 2_000 })
    db.exec('PRAGMA page_size=8192; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4096; PRAGMA wal_autocheckpoint=500; PRAGMA journal_size_limit=67108864')
    db.exec('BEGIN IMMEDIATE')
    const version = numberOf(db.prepare('PRAGMA user_version').get(), 'user_version')
    if (version > VERSION) throw new Error(`its version is ${version}, this program knows up to ${VERSION}`)
    if (version === 0) db.exec(`${TABLES}; PRAGMA user_version=${VERSION}`)
    db.exec('COMMIT')
    return db
  } catch (cause) {
    db?.close()
    const locked = sqliteCode(cause) === SQLITE_BUSY
    throw new Error(`store: cannot open ${path}${locked ? ': another process has it open' : ''}`, { cause })
  }
}

const SQLITE_BUSY = 5
const SQLITE_IOERR = 10
const SQLITE_FULL = 13

/** SQLite's primary result code of an error that node:sqlite threw; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** Whether an error means that the disk has no room (an I/O error is one too: SQLite cannot tell a full disk at fsync). */
export function isDiskFull(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_FULL || code === SQLITE_IOERR
}

/** A row as node:sqlite gives it. */
export type SqlRow = Readonly<Record<string, unknown>> | undefined

/** A number column of a row. Throws where it is none: the file is not ours or damaged. */
export function numberOf(row: SqlRow, column: string): number {
  const value = row?.[column]
  if (typeof value !== 'number') throw new TypeError(`store: column ${column} is ${typeof value}, not a number`)
  return value
}

/** A text column of a row. */
export function textOf(row: SqlRow, column: string): string {
  const value = row?.[column]
  if (typeof value !== 'string') throw new TypeError(`store: column ${column} is ${typeof value}, not text`)
  return value
}

/** A blob column of a row. */
export function bytesOf(row: SqlRow, column: string): Uint8Array {
  const value = row?.[column]
  if (!(value instanceof Uint8Array)) throw new TypeError(`store: column ${column} is ${typeof value}, not bytes`)
  return value
}

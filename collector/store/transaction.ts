import type { DatabaseSync } from 'node:sqlite'

/**
 * Runs `write` in one transaction. What it returns is called after the commit and only then, so memory never runs ahead
 * of the disk. On any error everything is rolled back and the error thrown on.
 */
export function transact(db: DatabaseSync, write: () => () => void): void {
  db.exec('BEGIN IMMEDIATE')
  let after: () => void
  try {
    after = write()
    db.exec('COMMIT')
  } catch (error) {
    // SQLite itself has rolled back after some errors (a full disk among them).
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
  after()
}

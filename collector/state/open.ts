import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { Transaction } from 'kysely'
import { migrate } from './migrations.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import type { Schema } from './schema.ts'

/** state.db, opened and at the newest version. */
export interface State {
  readonly db: Kysely<Schema>
  close(): Promise<void>
}

/** Inside a transaction: what every function takes that writes together with others. */
export type StateTransaction = Transaction<Schema>

/**
 * Opens state.db at that path (made with mode 0600 if missing; `:memory:` for tests), and migrates it forward.
 *
 * WAL with synchronous=FULL: a commit is on disk before it is reported, and readers never wait. Rejects when the file
 * cannot be opened, is no database, or was written by a newer program; `now` (epoch ms) goes into the version table.
 */
export async function openState(path: string, now: number = Date.now()): Promise<State> {
  const database = openFile(path)
  const db = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) })
  const state: State = {
    db,
    close: async () => {
      await db.destroy()
      // Kysely closes only what it has used.
      if (database.isOpen) database.close()
    },
  }
  try {
    await migrate(db, now)
  } catch (error) {
    await state.close()
    throw error
  }
  return state
}

function openFile(path: string): DatabaseSync {
  try {
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600))
    const database = new DatabaseSync(path, { timeout: 5_000, enableForeignKeyConstraints: true })
    try {
      database.exec('pragma journal_mode = wal; pragma synchronous = full')
    } catch (error) {
      database.close()
      throw error
    }
    return database
  } catch (cause) {
    throw new Error(`state: cannot open ${path}`, { cause })
  }
}

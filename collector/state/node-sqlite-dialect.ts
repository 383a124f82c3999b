import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { CompiledQuery, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { DatabaseConnection, DatabaseIntrospector, Dialect, DialectAdapter, Driver, Kysely, QueryCompiler, QueryResult } from 'kysely'

/** How many prepared statements are kept; the code has a few hundred distinct ones at most. */
const STATEMENTS_KEPT = 256
/** How long queries may follow one another before others are let in. A single statement may take longer. */
const LONGEST_TURN_MS = 4

/**
 * Kysely on Node's own SQLite. Kysely's SQLite dialect expects better-sqlite3 (a native build we cannot ship), and only
 * the driver differs: compiler, adapter and introspector are Kysely's.
 *
 * One connection; Kysely's adapter says so, and Kysely then lets one query or transaction at a time have it. Inside a
 * transaction use the transaction's own handle: a query on the outer handle would wait for ever.
 *
 * The connection is synchronous, so a row of queries would be one turn of the event loop however many they are: its
 * promises are settled already, and microtasks let nobody in. Whoever asks is therefore now and then made to wait for
 * the loop's next turn. Whoever else wants the database then still waits for the transaction; sockets and timers do not.
 */
export function nodeSqliteDialect(database: DatabaseSync): Dialect {
  return {
    createDriver: (): Driver => createDriver(database),
    createQueryCompiler: (): QueryCompiler => new SqliteQueryCompiler(),
    createAdapter: (): DialectAdapter => new SqliteAdapter(),
    // oxlint-disable-next-line typescript/no-explicit-any -- Kysely's own signature
    createIntrospector: (db: Kysely<any>): DatabaseIntrospector => new SqliteIntrospector(db),
  }
}

function createDriver(database: DatabaseSync): Driver {
  const connection = createConnection(database)
  const command = async (sql: string): Promise<void> => {
    await connection.executeQuery(CompiledQuery.raw(sql))
  }
  return {
    init: () => Promise.resolve(),
    acquireConnection: () => Promise.resolve(connection),
    // Immediate: the write lock is taken here, where a second writer gets a clear error, not in the middle.
    beginTransaction: () => command('begin immediate'),
    commitTransaction: () => command('commit'),
    // SQLite ends a transaction by itself on a full disk; rolling back again would hide the first error.
    rollbackTransaction: () => (database.isTransaction ? command('rollback') : Promise.resolve()),
    savepoint: (_connection, name) => command(`savepoint ${identifier(name)}`),
    rollbackToSavepoint: (_connection, name) => command(`rollback to ${identifier(name)}`),
    releaseSavepoint: (_connection, name) => command(`release ${identifier(name)}`),
    releaseConnection: () => Promise.resolve(),
    destroy: () => {
      if (database.isOpen) database.close()
      return Promise.resolve()
    },
  }
}

function createConnection(database: DatabaseSync): DatabaseConnection {
  const statements = new Map<string, StatementSync>()
  let restedAt = performance.now()

  /** Lets others in when queries have been running for a while. After an idle time the first query does so too, for nothing. */
  async function rest(): Promise<void> {
    if (performance.now() - restedAt < LONGEST_TURN_MS) return
    await setImmediate()
    restedAt = performance.now()
  }

  function prepared(sql: string): StatementSync {
    const known = statements.get(sql)
    if (known !== undefined) {
      statements.delete(sql)
      statements.set(sql, known)
      return known
    }
    const made = database.prepare(sql)
    statements.set(sql, made)
    if (statements.size > STATEMENTS_KEPT) {
      for (const oldest of statements.keys()) {
        statements.delete(oldest)
        break
      }
    }
    return made
  }

  return {
    // A rejected promise, not a throw, so that every failure reaches the caller the same way.
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      await rest()
      const statement = prepared(query.sql)
      const parameters = query.parameters.map(bindable)
      if (statement.columns().length > 0) {
        // The row type is what the query builder derived from the schema: nothing at run time could check it cheaper.
        const rows: unknown[] = statement.all(...parameters)
        return { rows: rows as R[] }
      }
      const { changes, lastInsertRowid } = statement.run(...parameters)
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    },
    async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
      // Its own statement: another query between two rows must not reset this one.
      for (const row of iterable(database.prepare(query.sql).iterate(...query.parameters.map(bindable)))) {
        yield await Promise.resolve({ rows: [row as R] })
      }
    },
  }
}

function iterable(rows: Iterator<unknown>): Iterable<unknown> {
  return { [Symbol.iterator]: () => rows }
}

/** What SQLite can keep. Refuses the rest loudly: a boolean or an object bound by accident is a bug of ours. */
function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`state: cannot bind a ${value === undefined ? 'undefined' : typeof value} to a statement`)
}

function identifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`state: bad savepoint name ${JSON.stringify(name)}`)
  return name
}

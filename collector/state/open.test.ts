import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate, migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import { openState } from './open.ts'
import type { Schema } from './schema.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-state-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

describe('openState', () => {
  it('makes a private file with WAL, full synchronisation and foreign keys, and finds its data again', async () => {
    const path = join(folder, 'state.db')
    const first = await openState(path)
    await first.db.insertInto('setting').values({ key: 'a', value_json: '1' }).execute()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const pragma = async (name: string): Promise<unknown> => Object.values((await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(first.db)).rows[0]!)[0]
    expect(await pragma('journal_mode')).toBe('wal')
    expect(await pragma('synchronous')).toBe(2)
    expect(await pragma('foreign_keys')).toBe(1)
    await first.close()
    const second = await openState(path)
    expect(await second.db.selectFrom('setting').selectAll().execute()).toEqual([{ key: 'a', value_json: '1' }])
    await second.close()
  })

  it('says which file it cannot open', async () => {
    const path = join(folder, 'state.db')
    writeFileSync(path, 'this is no database file at all, it is a text of some length')
    await expect(openState(path)).rejects.toThrow(path)
    await expect(openState(join(folder, 'missing', 'state.db'))).rejects.toThrow(/cannot open/)
  })

  it('refuses a file of a newer program', async () => {
    const path = join(folder, 'state.db')
    const state = await openState(path)
    await state.db.insertInto('schema_version').values({ version: migrations.length + 1, name: 'later', applied_at: 0 }).execute()
    await state.close()
    await expect(openState(path)).rejects.toThrow(/newer program/)
  })
})

describe('migrate', () => {
  const fresh = (): Kysely<Schema> => new Kysely<Schema>({ dialect: nodeSqliteDialect(new DatabaseSync(':memory:')) })
  const shape = async (db: Kysely<Schema>): Promise<unknown> => (await sql`select name, sql from sqlite_master order by name`.execute(db)).rows

  it('keeps messages and their receipts when their tables are made anew', async () => {
    const db = fresh()
    const at = migrations.findIndex((step) => step.name === 'superseded messages')
    await migrate(db, 1, migrations.slice(0, at))
    await sql`pragma foreign_keys = on`.execute(db)
    await sql`insert into outbox (id, channel, receiver, dedup_key, message_json, state, attempts, created_at, due_at, updated_at, person) values ('a', 'mail', 'r', 'k', '{}', 'queued', 2, 1, 2, 3, 'p')`.execute(db)
    await sql`insert into receipt (outbox_id, attempt, at, outcome, detail_json) values ('a', 1, 5, 'try-again', '{}')`.execute(db)
    await migrate(db, 2)
    expect(await db.selectFrom('outbox').selectAll().execute()).toMatchObject([{ id: 'a', channel: 'mail', dedup_key: 'k', state: 'queued', attempts: 2, person: 'p', send_id: null }])
    expect(await db.selectFrom('receipt').selectAll().execute()).toEqual([{ outbox_id: 'a', attempt: 1, at: 5, outcome: 'try-again', detail_json: '{}' }])
    await db.updateTable('outbox').set({ state: 'superseded' }).execute()
    await db.insertInto('receipt').values({ outbox_id: 'a', attempt: 2, at: 6, outcome: 'superseded', detail_json: '{}' }).execute()
    await expect(sql`insert into receipt (outbox_id, attempt, at, outcome, detail_json) values ('nobody', 1, 5, 'refused', '{}')`.execute(db)).rejects.toThrow(/FOREIGN KEY/)
    await db.destroy()
  })

  it('reaches the same shape from empty and from each earlier version', async () => {
    const straight = fresh()
    expect(await migrate(straight, 1)).toBe(migrations.length)
    for (let from = 0; from <= migrations.length; from++) {
      const db = fresh()
      await migrate(db, 1, migrations.slice(0, from))
      await migrate(db, 2)
      expect(await shape(db)).toEqual(await shape(straight))
      await migrate(db, 3)
      const versions = await db.selectFrom('schema_version').select(['version', 'applied_at']).orderBy('version').execute()
      expect(versions.map((row) => row.applied_at)).toEqual(migrations.map((_, index) => (index < from ? 1 : 2)))
      await db.destroy()
    }
    await straight.destroy()
  })

  it('undoes a step that fails half-way, and names it', async () => {
    const db = fresh()
    const broken: Migration = { name: 'broken', statements: ['create table half (a bigint)', 'create table half (a bigint)'] }
    await expect(migrate(db, 1, [...migrations, broken])).rejects.toThrow(/version \d+ \(broken\)/)
    const tables = await db.introspection.getTables()
    expect(tables.map((table) => table.name)).not.toContain('half')
    expect(tables.map((table) => table.name)).toContain('incident')
    await db.destroy()
  })
})

describe('nodeSqliteDialect', () => {
  it('keeps a transaction to itself: others wait, a failure leaves nothing', async () => {
    const state = await openState(':memory:')
    const order: string[] = []
    const failing = state.db.transaction().execute(async (trx) => {
      await trx.insertInto('setting').values({ key: 'inside', value_json: '1' }).execute()
      await new Promise((resolve) => setImmediate(resolve))
      order.push('transaction')
      throw new Error('undo this')
    })
    const outside = state.db.selectFrom('setting').selectAll().execute().then((rows) => {
      order.push('outside')
      return rows
    })
    await expect(failing).rejects.toThrow('undo this')
    expect(await outside).toEqual([])
    expect(order).toEqual(['transaction', 'outside'])
    await state.close()
  })

  it('lets others in while a long transaction goes on, and still keeps it whole', async () => {
    const state = await openState(':memory:')
    let turns = 0
    let going = true
    const other = (): void => {
      turns++
      if (going) setImmediate(other)
    }
    setImmediate(other)
    const outside: Promise<number>[] = []
    await state.db.transaction().execute(async (trx) => {
      for (let n = 0; n < 3_000; n++) {
        await trx.insertInto('setting').values({ key: `k${n}`, value_json: '1' }).execute()
        if (n === 10) outside.push(state.db.selectFrom('setting').select((eb) => eb.fn.countAll<number>().as('n')).executeTakeFirstOrThrow().then((row) => row.n))
      }
    })
    going = false
    // Without a rest all of it is one turn: microtasks only.
    expect(turns).toBeGreaterThan(3)
    expect(await Promise.all(outside)).toEqual([3_000])
    await state.close()
  })

  it('counts changed rows, streams, and refuses what SQLite cannot keep', async () => {
    const state = await openState(':memory:')
    await state.db.insertInto('setting').values([{ key: 'a', value_json: '1' }, { key: 'b', value_json: '2' }]).execute()
    expect((await state.db.updateTable('setting').set({ value_json: '3' }).executeTakeFirst()).numUpdatedRows).toBe(2n)
    const seen: string[] = []
    for await (const row of state.db.selectFrom('setting').select('key').orderBy('key').stream()) seen.push(row.key)
    expect(seen).toEqual(['a', 'b'])
    // oxlint-disable-next-line typescript/no-explicit-any -- the wrong type is the point
    await expect(state.db.updateTable('setting').set({ value_json: true as any }).execute()).rejects.toThrow(/cannot bind a boolean/)
    await state.close()
  })
})

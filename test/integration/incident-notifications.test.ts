import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sql } from 'kysely'
import { notificationsOf } from '../../collector/incidents/storage.ts'
import { openState } from '../../collector/state/open.ts'

it('lists what was told about an incident oldest first, and what went as one message once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zhishou-told-'))
  const state = await openState(join(folder, 'state.db'))
  try {
    await sql`pragma foreign_keys = off`.execute(state.db)
    const row = (id: string, at: number, send: string | null, is: 'sent' | 'queued') => ({
      id, channel: 'sms', receiver: '张三', dedup_key: id, incident_id: 1, message_json: '{}', state: is, attempts: 1, created_at: at, due_at: at, updated_at: is === 'sent' ? at + 50 : at, last_error: null, person: '10001', send_id: send, urgent: 0,
    })
    // The first waited the longest: it went last.
    await state.db.insertInto('outbox').values([{ ...row('a', 10, 's2', 'sent'), updated_at: 500 }, row('b', 20, 's1', 'sent'), row('c', 400, 's2', 'sent'), row('d', 600, null, 'queued'), row('e', 600, null, 'queued')].map((one) => (one.id === 'c' ? { ...one, updated_at: 500 } : one))).execute()
    expect((await notificationsOf(state.db, 1)).map((one) => [one.at, one.state, one.together])).toEqual([[70, 'sent', 1], [500, 'sent', 2], [600, 'queued', 1], [600, 'queued', 1]])
  } finally {
    await state.close()
    rmSync(folder, { recursive: true })
  }
})

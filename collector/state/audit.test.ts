import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { appendAudit, canonicalJson, verifyAudit } from './audit.ts'
import type { AuditHead } from './audit.ts'
import { openState } from './open.ts'
import type { State } from './open.ts'

let folder = ''
let path = ''
let state: State
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-audit-'))
  path = join(folder, 'state.db')
  state = await openState(path)
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

async function append(count: number): Promise<AuditHead> {
  let head: AuditHead = { seq: 0, hash: '' }
  for (let index = 0; index < count; index++) {
    head = await state.db.transaction().execute((trx) =>
      appendAudit(trx, { at: 1_000 + index, actor: 'admin', action: 'incident.comment', object: `F-${index}`, detail: { text: '已电话联系', b: [1, null] } }))
  }
  return head
}

/** Changes the file as somebody with root would: without our triggers. */
function tamper(sql: string): void {
  const raw = new DatabaseSync(path)
  raw.exec(`drop trigger audit_no_update; drop trigger audit_no_delete; ${sql}`)
  raw.close()
}

describe('audit', () => {
  it('is intact when nobody touched it, over page borders too', async () => {
    expect(await verifyAudit(state.db)).toEqual({ kind: 'intact', head: { seq: 0, hash: '0'.repeat(64) } })
    const head = await append(7)
    expect(await verifyAudit(state.db, head)).toEqual({ kind: 'intact', head })
  })

  it('refuses change and deletion', async () => {
    await append(2)
    await expect(state.db.updateTable('audit').set({ actor: 'x' }).where('seq', '=', 1).execute()).rejects.toThrow(/never changed/)
    await expect(state.db.deleteFrom('audit').where('seq', '=', 1).execute()).rejects.toThrow(/never deleted/)
  })

  it.each([
    ['a changed actor', `update audit set actor = 'mallory' where seq = 3`, 3],
    ['a changed detail', `update audit set detail_json = '{}' where seq = 5`, 5],
    ['a changed time', `update audit set at = at + 1 where seq = 1`, 1],
    ['a missing row', `delete from audit where seq = 4`, 5],
    ['a row put in front', `insert into audit select 0, at, actor, action, object, detail_json, previous_hash, 'x' from audit where seq = 1`, 0],
    ['a row whose hash was made anew', `update audit set hash = lower(hex(randomblob(32))) where seq = 2`, 2],
  ])('names the first bad row: %s', async (_, sql, seq) => {
    await append(6)
    tamper(sql)
    expect(await verifyAudit(state.db)).toMatchObject({ kind: 'broken', seq })
  })

  it('names a row that was hashed anew over another past', async () => {
    await append(4)
    const row = await state.db.selectFrom('audit').selectAll().where('seq', '=', 3).executeTakeFirstOrThrow()
    const previous = 'f'.repeat(64)
    const { seq, at, actor, action, object } = row
    const hash = createHash('sha256').update(`${previous}\n${canonicalJson({ seq, at, actor, action, object, detail: row.detail_json })}`).digest('hex')
    tamper(`update audit set previous_hash = '${previous}', hash = '${hash}' where seq = 3`)
    expect(await verifyAudit(state.db)).toMatchObject({ kind: 'broken', seq: 3, why: expect.stringContaining('follow') })
  })

  it('shows a cut tail only against a head known outside', async () => {
    const head = await append(6)
    tamper('delete from audit where seq > 4')
    expect((await verifyAudit(state.db)).kind).toBe('intact')
    expect(await verifyAudit(state.db, head)).toMatchObject({ kind: 'broken', seq: 5 })
  })

  it('leaves no row when the act it belongs to is undone', async () => {
    await expect(state.db.transaction().execute(async (trx) => {
      await appendAudit(trx, { at: 1, actor: 'a', action: 'b', object: 'c', detail: null })
      throw new Error('undo')
    })).rejects.toThrow('undo')
    expect((await verifyAudit(state.db))).toMatchObject({ head: { seq: 0 } })
  })
})

describe('canonicalJson', () => {
  it('gives equal text for equal values whatever the order of keys', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())), (members) => {
      const turned = Object.fromEntries(Object.entries(members).reverse())
      expect(canonicalJson(turned)).toBe(canonicalJson(members))
      expect(JSON.parse(canonicalJson(members))).toEqual(members)
    }), { seed })
  })
  it('refuses what JSON cannot say', () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(/no JSON form/)
  })
})

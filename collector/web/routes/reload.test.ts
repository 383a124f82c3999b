import { describe, expect, it } from 'vitest'
import { matrix, roles } from '../../access/matrix.ts'
import { stubWeb } from '../../../test/web-dependencies.ts'

const post = (stub: ReturnType<typeof stubWeb>, headers: Record<string, string>) => stub.web.app.request('/-/reload', { method: 'POST', headers })

describe('POST /-/reload', () => {
  it.each(roles)('is open to %s as the matrix says', async (role) => {
    const stub = stubWeb()
    const open = matrix[role].includes('config.reload')
    const reply = await post(stub, { authorization: `Bearer bearer-${role}` })
    expect(reply.status).toBe(open ? 204 : 403)
    expect(stub.acts).toEqual(open ? [['reload', `user-${role}`]] : [])
  })

  it('asks who is there, and a session for its CSRF word; GET changes nothing', async () => {
    const stub = stubWeb()
    expect((await post(stub, {})).status).toBe(401)
    expect((await post(stub, { cookie: 'zhishou=duty' })).status).toBe(403)
    expect((await post(stub, { cookie: 'zhishou=duty', 'x-zhishou-csrf': 'csrf-duty' })).status).toBe(204)
    await stub.web.app.request('/-/reload', { headers: { authorization: 'Bearer bearer-duty' } })
    expect(stub.acts).toHaveLength(1)
  })

  it('tells what is wrong with the files', async () => {
    const stub = stubWeb({ reload: () => Promise.resolve({ kind: 'refused', status: 422, code: 'files-wrong', message: 'duty.yml: people: expected a list' }) })
    const reply = await post(stub, { authorization: 'Bearer bearer-duty' })
    expect(reply.status).toBe(422)
    expect(await reply.json()).toEqual({ code: 'files-wrong', message: 'duty.yml: people: expected a list' })
  })
})

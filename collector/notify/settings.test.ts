import { describe, expect, it } from 'vitest'
import { notifySettings } from './settings.ts'

const smtp = { host: 'mail.example.org', from: 'zhishou@example.org' }
const receiver = { name: '值班', email: ['duty@example.org'] }

describe('notifySettings', () => {
  it('has the defaults people rely on', () => {
    expect(notifySettings.parse(undefined)).toEqual({ receivers: [] })
    expect(notifySettings.parse({ smtp, receivers: [receiver] })).toEqual({
      receivers: [{ ...receiver, minSeverity: 'warning', sendResolved: false }],
      smtp: { ...smtp, port: 587, secure: false, plain: false, perMinute: 30 },
    })
  })

  it.each([
    ['an unknown key', { smtp: { ...smtp, tls: true } }, 'smtp'],
    ['an address list in one text', { smtp, receivers: [{ ...receiver, email: ['a@example.org,b@example.org'] }] }, 'receivers.0.email.0'],
    ['a header in an address', { smtp: { ...smtp, from: 'a@example.org\nBcc: b@example.org' } }, 'smtp.from'],
    ['a header in a name', { smtp, receivers: [{ ...receiver, name: 'a\r\nb' }] }, 'receivers.0.name'],
    ['two receivers of one name', { smtp, receivers: [receiver, receiver] }, 'receivers.1.name'],
    ['receivers without a relay', { receivers: [receiver] }, 'smtp'],
    ['a user without a secret', { smtp: { ...smtp, user: 'u' } }, 'smtp.passwordFile'],
    ['a secret without a user', { smtp: { ...smtp, passwordFile: '/x' } }, 'smtp.user'],
    ['two secrets', { smtp: { ...smtp, user: 'u', passwordFile: '/x', passwordEnv: 'X' } }, 'smtp.passwordEnv'],
    ['a secret given in the file itself', { smtp: { ...smtp, user: 'u', password: 'p' } }, 'smtp'],
    ['sign-in on a plain relay elsewhere', { smtp: { ...smtp, plain: true, user: 'u', passwordFile: '/x' } }, 'smtp.user'],
    ['plain and secure', { smtp: { ...smtp, plain: true, secure: true } }, 'smtp.plain'],
    ['a link that is no address', { consoleUrl: 'javascript:alert(1)' }, 'consoleUrl'],
  ])('refuses %s', (_, value, path) => {
    const result = notifySettings.safeParse(value)
    expect(result.success).toBe(false)
    expect(result.error?.issues.map((issue) => issue.path.join('.'))).toContain(path)
  })
})

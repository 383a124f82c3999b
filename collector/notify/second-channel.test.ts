import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { allDown, withSecondChannel } from './second-channel.ts'

const mail = { channel: 'mail' }
const sms = { channel: 'sms' }
const wecom = { channel: 'wecom' }

describe('withSecondChannel', () => {
  it('adds another way where the alert is about the only one, best first', () => {
    expect(withSecondChannel([mail], 'mail', [mail, sms, wecom], { sms: false, wecom: undefined })).toEqual({ targets: [mail, wecom], added: wecom, alone: false })
    expect(withSecondChannel([mail], 'mail', [mail, sms, wecom], { sms: true })).toMatchObject({ added: sms })
    expect(withSecondChannel([mail], 'mail', [mail, sms], { sms: false })).toMatchObject({ added: sms })
    expect(withSecondChannel([mail], 'mail', [mail], {})).toEqual({ targets: [mail], added: undefined, alone: true })
    expect(withSecondChannel([mail], undefined, [mail, sms], {})).toMatchObject({ targets: [mail], alone: false })
    expect(withSecondChannel([mail, sms], 'mail', [mail, sms, wecom], {})).toMatchObject({ targets: [mail, sms] })
  })

  it('never leaves by that channel alone while there is another', () => {
    const target = fc.constantFrom(mail, sms, wecom)
    fc.assert(fc.property(fc.array(target, { minLength: 1 }), fc.constantFrom('mail', 'sms'), fc.array(target), (targets, about, candidates) => {
      const chosen = withSecondChannel(targets, about, candidates, {})
      const others = [...targets, ...candidates].some((one) => one.channel !== about)
      expect(chosen.targets.some((one) => one.channel !== about)).toBe(others)
      expect(chosen.alone).toBe(!others)
    }), { seed })
  })
})

describe('allDown', () => {
  it('needs a channel, and to know of each that it is down', () => {
    expect(allDown([])).toBe(false)
    expect(allDown([false, undefined])).toBe(false)
    expect(allDown([false, true])).toBe(false)
    expect(allDown([false, false])).toBe(true)
  })
})

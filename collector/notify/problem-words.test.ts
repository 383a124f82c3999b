import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseWording } from '../incidents/wording.ts'
import { problemText } from './problem-words.ts'

const wording = parseWording(readFileSync(new URL('../../alerts/templates/zh-CN.yml', import.meta.url), 'utf8'), 'zh-CN.yml')

it('says what is wrong with the channels', () => {
  expect(problemText({ kind: 'all-channels-down' }, wording)).toContain('所有通知渠道都不可用')
  expect(problemText({ kind: 'ahead', channel: 'sms', usedRatio: 0.614, elapsedRatio: 0.5 }, wording)).toBe('短信渠道 sms 的年度预算已用 61%，合同年度只过了 50%')
  expect(problemText({ kind: 'used-up', channel: 'sms', usedRatio: 1, elapsedRatio: 0.5 }, wording)).toBe('短信渠道 sms 的年度预算已用完，只发紧急消息')
  expect(problemText({ kind: 'balance-low', channel: 'sms', left: 9 }, wording)).toBe('短信渠道 sms 的余额只剩 9')
})

import { expect, it } from 'vitest'
import { dingtalkSign } from './dingtalk.ts'
import { feishuSign } from './feishu.ts'
import { parseReplies } from './sms-http.ts'
import { aliyunSign } from './sms-aliyun.ts'

it('signs the published sample of Aliyun', () => {
  const parameters = {
    SignatureMethod: 'HMAC-SHA1', SignatureNonce: '45e25e9b-0a6f-4070-8c85-2956eda1b466', AccessKeyId: 'testId', SignatureVersion: '1.0', Timestamp: '2017-07-12T02:42:19Z', Format: 'XML',
    Action: 'SendSms', Version: '2017-05-25', RegionId: 'cn-hangzhou', PhoneNumbers: '15300000001', SignName: '阿里云短信测试专用', TemplateParam: '{"customer":"test"}', TemplateCode: 'SMS_71390007', OutId: '123',
  }
  expect(aliyunSign('GET', parameters, 'testSecret')).toBe('zJDF+Lrzhj/ThnlvIToysFRq6t4=')
})

it('signs for the two robots, which do it the other way round', () => {
  // Computed with Python's hmac from the vendors' own sample code.
  expect(dingtalkSign('this is secret', 1_577_262_236_757)).toBe('hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=')
  expect(feishuSign('demo', 1_599_360_473)).toBe('l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=')
})

it('reads replies, and none out of nonsense', () => {
  expect(parseReplies('<mo><p>13800000001</p><c>收到</c></mo><mo><p>x</p><c>y</c></mo>', '<p>(?P<phone>[^<]*)</p><c>(?P<text>[^<]*)</c>')).toEqual([{ phone: '13800000001', text: '收到' }])
  expect(parseReplies('', '(?P<phone>\\d*)(?P<text>)')).toEqual([])
})

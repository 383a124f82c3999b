import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Input, Tag } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { TriedView } from '../../../protocol/api-notify.ts'
import { type RequestError, post, useSession } from '../../api.ts'
import { fill, notifyWords } from '../../words.ts'

const w = notifyWords.routing

/** Labels against the tree as it is now; `?labels=` fills it in, one `name=value` a line. */
export function TryOut() {
  const session = useSession()
  const [parameters] = useSearchParams()
  const [text, setText] = useState(parameters.get('labels') ?? 'alertname=HostDown\nseverity=critical')
  const [fault, setFault] = useState<string>()
  const tried = useMutation<TriedView, RequestError, Readonly<Record<string, string>>>({ mutationFn: (labels) => post<TriedView>('/routing/try', { labels }, session.csrf) })
  const go = (): void => {
    const lines = text.split('\n').map((line) => line.trim())
    const wrong = lines.findIndex((line) => line !== '' && !/^[^=\s]+\s*=/.test(line))
    setFault(wrong === -1 ? undefined : fill(w.badLine, { line: wrong + 1 }))
    if (wrong === -1) tried.mutate(Object.fromEntries(lines.filter((line) => line !== '').map((line) => [line.slice(0, line.indexOf('=')).trim(), unquoted(line.slice(line.indexOf('=') + 1).trim())])))
  }
  const problem = fault ?? tried.error?.message
  return (
    <section className="card" aria-label={w.tryTitle}>
      <strong>{w.tryTitle}</strong>
      <Input.TextArea aria-label={w.tryTitle} placeholder={w.tryHint} autoSize={{ minRows: 2, maxRows: 10 }} value={text} onChange={(event) => setText(event.target.value)} style={{ margin: '8px 0' }} />
      <div className="row">
        <Button type="primary" loading={tried.isPending} onClick={go}>
          {w.tryButton}
        </Button>
        <span className="soft">{w.tryHint}</span>
      </div>
      {problem !== undefined && <Alert style={{ marginTop: 8 }} type="error" showIcon title={problem} />}
      {tried.data?.routes.map((one) => (
        <div key={`${one.route}-${one.groupKey}`} className="route" data-tried={one.told}>
          <div className="row">
            <strong>→ {one.receiver.name}</strong>
            <Tag color={one.told ? 'green' : 'orange'}>{one.told ? w.tried : w.notTold}</Tag>
          </div>
          {one.sentences.map((sentence) => (
            <div key={sentence} className="wrap">
              {sentence}
            </div>
          ))}
          <div className="soft wrap">
            {w.group} {one.groupKey}
          </div>
        </div>
      ))}
    </section>
  )
}

const unquoted = (text: string): string => text.replace(/^"(.*)"$/s, '$1')

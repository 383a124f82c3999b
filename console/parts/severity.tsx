import { Tag } from 'antd'
import type { Presence } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import { presenceWords, severityWords } from '../words.ts'

const colours: Readonly<Record<Severity, string>> = { critical: 'red', warning: 'orange', info: 'blue' }

export function SeverityTag({ severity }: { readonly severity: Severity }) {
  return <Tag color={colours[severity]}>{severityWords[severity]}</Tag>
}

/** A host's link state as a dot and a word: colour is never the only sign. */
export function PresenceMark({ presence }: { readonly presence: Presence }) {
  return (
    <span className={presence === 'down' ? 'critical' : undefined}>
      <i className={`dot ${presence}`} />
      {presenceWords[presence]}
    </span>
  )
}

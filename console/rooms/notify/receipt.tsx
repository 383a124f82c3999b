import type { ReceiptView } from '../../../protocol/api-notify.ts'
import { timeText } from '../../format.ts'
import { fill, notifyWords } from '../../words.ts'

const w = notifyWords.receipt

/** One attempt and what the other side said. */
export function Receipt({ receipt, now }: { readonly receipt: ReceiptView; readonly now: number }) {
  const tone = { delivered: 'good', 'try-again': 'warning', refused: 'critical', budget: 'warning', interrupted: 'warning', superseded: 'soft' }[receipt.outcome]
  return (
    <div className="row" data-receipt={receipt.outcome}>
      <span className="soft">{timeText(receipt.at, now)}</span>
      <span className={tone}>{w[receipt.outcome]}</span>
      <span className="wrap">{[receipt.to.join('、'), receipt.detail].filter((part) => part !== '').join(' · ')}</span>
      {receipt.together > 1 && <span className="soft">{fill(w.together, { count: receipt.together })}</span>}
      {receipt.missed.map((one) => (
        <span key={one.address} className="critical wrap">
          {w.missed} {one.address}：{one.why}
        </span>
      ))}
    </div>
  )
}

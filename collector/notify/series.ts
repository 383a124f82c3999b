import { counter, gauge } from '../../protocol/series.ts'
import type { SeriesSpec } from '../../protocol/series.ts'

/** What the notify room says about itself. */
export const notifySeries: readonly SeriesSpec[] = [
  gauge('zhishou_channel_up', '1 when the channel worked when it was last used or checked, 0 when it did not.', 'channel'),
  counter('zhishou_channel_messages_total', 'Attempts to send by their outcome: sent, retried, failed (refused for good), dead (given up), superseded (it no longer held).', 'channel', 'outcome'),
  counter('zhishou_channel_digested_total', 'Messages that went out together with others, as one.', 'channel'),
  counter('zhishou_sms_segments_total', 'SMS segments that were, or may have been, billed since the start.', 'channel'),
  gauge('zhishou_sms_budget_used_ratio', 'Share of the yearly SMS budget that is used in this contract year.', 'channel'),
  gauge('zhishou_sms_budget_elapsed_ratio', 'Share of this contract year that is over.', 'channel'),
  counter('zhishou_sms_replies_refused_total', 'Answers by SMS that acknowledged nothing, by the reason: no-code, wrong-code, code-used, too-many, unknown-number.', 'channel', 'why'),
  gauge('zhishou_sms_balance', 'What the SMS gateway says is left, in its own unit.', 'channel'),
]

import { counter, gauge } from '../../protocol/series.ts'
import type { SeriesSpec } from '../../protocol/series.ts'

/** What the rules say about themselves at `/metrics`. `rule_group` is `file;group`. */
export const ruleSeries = [
  counter('zhishou_rule_evaluations_total', 'Evaluations of rules.', 'rule_group'),
  counter('zhishou_rule_evaluation_failures_total', 'Evaluations of rules that failed.', 'rule_group'),
  counter('zhishou_rule_group_iterations_missed_total', 'Evaluations of a group left out because the one before was not done.', 'rule_group'),
  counter('zhishou_rule_template_failures_total', 'Labels and annotations that could not be expanded.', 'rule_group'),
  counter('zhishou_rule_writes_failed_total', 'Evaluations whose results the store did not take.'),
  counter('zhishou_rule_state_saves_failed_total', 'Evaluations whose alert states could not be saved.'),
  counter('zhishou_rule_deliveries_failed_total', 'Deliveries of alert changes to the incidents that failed and are tried again.'),
  gauge('zhishou_rule_evaluation_seconds', 'Time the newest evaluation of the group took.', 'rule_group'),
  gauge('zhishou_rule_alerts', 'Alerts by state.', 'state'),
] as const satisfies readonly SeriesSpec[]

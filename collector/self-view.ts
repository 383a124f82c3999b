/** What the collector says about itself, for people. Pure. */
import type { SelfView } from '../protocol/api.ts'
import type { CounterReading } from './counters.ts'
import type { RuleGroupStatus } from './rules/view.ts'
import type { StoreStats } from './store/store.ts'

/** Rules that have not been judged for this long are said to be late. */
const lateMs = 120_000

/** One Chinese sentence for each thing that is wrong with the monitoring itself; empty when all is well. */
export function selfProblems(store: StoreStats, groups: readonly RuleGroupStatus[], now: number): string[] {
  const problems: string[] = []
  if (store.degraded === 'full') problems.push('磁盘已满：新数据无法入库，采集程序将保留并重发')
  if (store.degraded === 'shortened') problems.push('磁盘空间不足：已开始删除最早的指标')
  if ((store.damaged ?? 0) > 0) problems.push(`有 ${store.damaged} 个数据块校验失败，查询结果中已略去`)
  const failing = groups.flatMap((group) => group.rules.filter((rule) => rule.health === 'err').map((rule) => rule.name))
  if (failing.length > 0) problems.push(`有 ${failing.length} 条规则无法判断：${failing.slice(0, 5).join('、')}${failing.length > 5 ? ' 等' : ''}`)
  const late = groups.filter((group) => group.lastEvaluationAt !== undefined && now - group.lastEvaluationAt > Math.max(lateMs, group.intervalMs * 4))
  if (late.length > 0) problems.push(`有 ${late.length} 个规则组超过 ${lateMs / 60_000} 分钟没有判断`)
  return problems
}

export interface SelfParts {
  readonly version: string
  readonly startedAt: number
  readonly now: number
  readonly store: StoreStats
  readonly rules: readonly RuleGroupStatus[]
  readonly refused: readonly CounterReading[]
}

export function selfView({ version, startedAt, now, store, rules, refused }: SelfParts): SelfView {
  return {
    version,
    startedAt,
    now,
    series: store.activeSeries,
    samples: store.acceptedSamples,
    chunkBytes: store.chunkBytes,
    logBytes: store.logBytes,
    rules: rules.flatMap((group) =>
      group.rules.map((rule) => ({ group: group.name, name: rule.name, health: rule.health, error: rule.lastError ?? null, lastEvaluationAt: rule.lastEvaluationAt ?? null, evaluationSeconds: rule.evaluationSeconds })),
    ),
    refused: refused.map((one) => ({ what: one.labels['what'] ?? '', code: one.labels['code'] ?? '', count: one.value })),
  }
}

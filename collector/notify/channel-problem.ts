import type { BudgetStanding } from './sms-budget.ts'

/** What is wrong with the ways to reach people, for the overview. */
export type ChannelProblem =
  | { readonly kind: 'all-channels-down' }
  | ({ readonly channel: string } & BudgetStanding & { readonly kind: 'ahead' | 'used-up' })
  | { readonly kind: 'balance-low'; readonly channel: string; readonly left: number }

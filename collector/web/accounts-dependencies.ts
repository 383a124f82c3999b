import type { AccountLinks } from '../../protocol/api.ts'
import type { Outcome } from './dependencies.ts'

/** What the routes of accounts need. */
export interface AccountsDependencies {
  links(): Promise<AccountLinks>
  /** `person`: id or name in the duty file; null takes the link away. */
  link(user: string, person: string | null, actor: string): Promise<Outcome<void>>
}

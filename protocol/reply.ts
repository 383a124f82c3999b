/**
 * The only three answers anything that accepts work may give. A sender needs to know nothing else: drop it, keep it,
 * or stop sending it.
 */
export type Reply =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'retry'; readonly afterMs: number; readonly why: string }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly why: string }

/** Why something was refused for good. The code is a label of `zhishou_refused_total{what,code}`. */
export type RefusalCode =
  | 'malformed'
  | 'oversized'
  | 'version'
  | 'unauthenticated'
  | 'revoked'
  | 'expired'
  | 'out-of-order'
  | 'limit'
  | 'time'

/** Addresses for those who may not see how to reach people: enough to tell two apart, not enough to use. Pure. */

/** `z***@example.org`, `138****5678`; a name that is no address stays. */
export function maskedAddress(address: string): string {
  const at = address.lastIndexOf('@')
  if (at > 0) return `${address.slice(0, 1)}***${address.slice(at)}`
  return /^\+?\d{5,}$/.test(address) ? `${address.slice(0, 3)}****${address.length > 8 ? address.slice(-4) : ''}` : address
}

/** A text from outside with every address in it masked. */
export function maskedText(text: string): string {
  return text.replace(/[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}/g, maskedAddress).replace(/(?<![\d.:])\+?\d{7,20}(?![\d.:])/g, maskedAddress)
}

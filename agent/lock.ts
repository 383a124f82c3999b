import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { errorCode } from './log.ts'

const holder = z.object({ pid: z.int(), startedAt: z.string(), bootId: z.string() })

/**
 * Makes sure that one agent at a time works in a home folder: two would write over each other's spool. The file names
 * its holder by process id, start time (/proc/PID/stat, clock ticks since boot) and boot, so that neither a crash nor a
 * process id used again can lock the agent out. Returns what gives the lock back. Throws where another agent holds it.
 */
export function lockHome(home: string, bootId: string): () => void {
  const path = join(home, 'agent.lock')
  const mine = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid), bootId })
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 })
      return () => unlinkSync(path)
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST') throw new Error(`agent: cannot write ${path}`, { cause })
    }
    const other = holderOf(path)
    if (other !== undefined && other.bootId === bootId && other.startedAt !== '' && startOf(other.pid) === other.startedAt) {
      throw new Error(`agent: process ${other.pid} is already running in ${home}`)
    }
    try {
      unlinkSync(path)
    } catch (cause) {
      // Somebody else removed it in the meantime: that is what was wanted.
      if (errorCode(cause) !== 'ENOENT') throw new Error(`agent: cannot remove ${path}`, { cause })
    }
  }
  throw new Error(`agent: another agent is starting in ${home}`)
}

function holderOf(path: string): z.infer<typeof holder> | undefined {
  try {
    const parsed = holder.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    return parsed.success ? parsed.data : undefined
  } catch {
    // Half-written by a crash, or gone: nobody holds it.
    return undefined
  }
}

/** Start time of a process as /proc/PID/stat has it (field 22); '' where there is no such process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in brackets may hold anything; fields are counted from behind its last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

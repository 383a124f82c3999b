/** Programs that are killed in the middle of their work: one life after the other, over the same files. */
import { spawn } from 'node:child_process'

/**
 * One life of a program: killed so many ms after its first line, or left to finish once its input ends (undefined). Its lines
 * `queued KEY` are added to `queued`, also those of a life that is cut. Rejects when it ends in any other way.
 */
export function liveOnce(script: string, argv: readonly string[], queued: Set<string>, killAfterMs: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] })
    let text = ''
    let timer: NodeJS.Timeout | undefined
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (killAfterMs !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      for (const line of text.split('\n').slice(0, -1)) queued.add(line.replace('queued ', ''))
      if (killAfterMs === undefined ? code === 0 : signal === 'SIGKILL') resolve()
      else reject(new Error(`${script} ${argv.join(' ')} ended with ${code} ${signal}`))
    })
    if (killAfterMs === undefined) child.stdin.end()
  })
}

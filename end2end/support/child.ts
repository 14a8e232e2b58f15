import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Keeps what a process says in `output`, and resolves when that contains `text` in a line. */
export function untilItSays(child: ChildProcess, output: string[], text: string): Promise<void> {
  return new Promise(resolve => {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue
      createInterface(stream).on('line', line => {
        output.push(line)
        if (line.includes(text)) resolve()
      })
    }
  })
}

/** Ends a process that has not ended yet, and returns when it has. */
export async function stopChild(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

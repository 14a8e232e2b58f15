import { readFile, writeFile } from 'node:fs/promises'
import type { Browser } from '@playwright/test'

/** Resident bytes of the tab's process. */
export interface Memory {
  idle: number
  peak: number
}

/**
 * Watches the processes that pages run in while `act` runs, and returns the figures of the one that grew the most: the
 * browser keeps a spare one. The kernel keeps the peak, so nothing between two looks is missed. Only Linux tells.
 */
export async function watchMemory(browser: Browser, act: () => Promise<void>): Promise<Memory | undefined> {
  if (process.platform !== 'linux') return void (await act())
  const pids = await renderers(browser)
  await Promise.all(pids.map(resetPeak))
  const idle = await Promise.all(pids.map(pid => bytesOf(pid, 'VmRSS')))
  await act()
  const peak = await Promise.all(pids.map(pid => bytesOf(pid, 'VmHWM')))
  const grown = pids.map((_, index) => ({ idle: idle[index]!, peak: peak[index]! }))
  return grown.reduce((most, one) => (one.peak - one.idle > most.peak - most.idle ? one : most))
}

async function renderers(browser: Browser): Promise<number[]> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
}

/** https://docs.kernel.org/filesystems/proc.html: `5` sets the peak to what is resident now. */
async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

async function bytesOf(pid: number, figure: 'VmRSS' | 'VmHWM'): Promise<number> {
  // A process that has gone, as the spare one may, used nothing.
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return 1_024 * Number(new RegExp(`^${figure}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
}

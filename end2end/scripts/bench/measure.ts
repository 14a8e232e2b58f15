import type { Page } from '@playwright/test'

export interface Figures {
  milliseconds: number
  /** The longest time for which the page could not have answered a click. */
  longestTask: number
}

declare global {
  interface Window {
    measure: typeof measure
  }
}

/** Every page opened from now on has `window.measure`. */
export async function addMeasure(page: Page): Promise<void> {
  await page.addInitScript(`window.measure = ${measure}`)
}

/**
 * In the page: the time from `act` until `count` elements match and are painted. It listens for changes: asking at every
 * frame would make the page draw frames that nothing else needs.
 */
export async function measure(act: () => void, selector: string, count: number): Promise<Figures> {
  let longestTask = 0
  const tasks = new PerformanceObserver(list => {
    longestTask = Math.max(longestTask, ...list.getEntries().map(task => task.duration))
  })
  tasks.observe({ type: 'longtask' })
  const frame = () => new Promise(requestAnimationFrame)
  // What a debugger runs, such as this function's beginning, does not count as a task.
  await frame()
  const start = performance.now()
  await new Promise<void>((resolve, reject) => {
    const observer = new MutationObserver(() => {
      const failed = document.querySelector('[data-status=failed]')
      const isThere = document.querySelectorAll(selector).length >= count
      if (!failed && !isThere) return
      observer.disconnect()
      if (failed) reject(new Error(failed.textContent ?? 'failed'))
      else resolve()
    })
    observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ['data-status'] })
    act()
  })
  // The next frame paints it, and is over when the one after begins.
  await frame()
  await frame()
  const milliseconds = performance.now() - start
  await frame()
  return { milliseconds, longestTask }
}

export function median(figures: number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)]!
}

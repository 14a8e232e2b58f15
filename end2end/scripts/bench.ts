import { expect, test } from '../support/fixtures'

const FILES = 1_000
const ROUNDS = 5

interface Figures {
  milliseconds: number
  /** The longest time for which the page could not have answered a click. */
  longestTask: number
}

declare global {
  interface Window {
    measure: typeof measure
  }
}

// Straight to the store: the tests' own proxy is not what is measured.
test.use({ environment: { S3_PUBLIC_ENDPOINT: '' } })

test('1,000 small files', async ({ upload, page }) => {
  await page.addInitScript(`window.measure = ${measure}`)
  const adding: Figures[] = []
  const uploading: Figures[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await upload.open()
    await expect(upload.rows).toHaveCount(0)
    await upload.waitBeforeUploading()
    adding.push(
      await upload.input.evaluate((input: HTMLInputElement, count) => {
        const data = new DataTransfer()
        for (let i = 0; i < count; i++) data.items.add(new File([`file ${i}`], `file ${i}.txt`, { type: 'text/plain' }))
        input.files = data.files
        return window.measure(() => input.dispatchEvent(new Event('change', { bubbles: true })), '[data-status]', count)
      }, FILES),
    )
    uploading.push(
      await upload.button('Upload').evaluate((button: HTMLButtonElement, count) => {
        return window.measure(() => button.click(), '[data-status=complete]', count)
      }, FILES),
    )
  }
  print('added to the page and painted', adding)
  print('uploaded, with six requests at a time', uploading)
})

/** In the page: the time from `act` until `count` elements match and are painted. */
async function measure(act: () => void, selector: string, count: number): Promise<Figures> {
  let longestTask = 0
  const tasks = new PerformanceObserver(list => {
    longestTask = Math.max(longestTask, ...list.getEntries().map(task => task.duration))
  })
  tasks.observe({ type: 'longtask' })
  const frame = () => new Promise(requestAnimationFrame)
  // What a debugger runs, such as this function's beginning, does not count as a task.
  await frame()
  const start = performance.now()
  act()
  while (document.querySelectorAll(selector).length < count) await frame()
  await frame()
  const milliseconds = performance.now() - start
  await frame()
  return { milliseconds, longestTask }
}

function print(what: string, rounds: Figures[]): void {
  const [time, task] = [median(rounds.map(one => one.milliseconds)), median(rounds.map(one => one.longestTask))]
  console.log(`1,000 small files ${what}: ${time} ms; longest task on the main thread: ${task} ms (median of ${ROUNDS})`)
}

function median(figures: number[]): string {
  return figures.sort((a, b) => a - b)[Math.floor(figures.length / 2)]!.toFixed(0)
}

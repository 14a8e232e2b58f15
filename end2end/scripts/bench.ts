import { expect, test } from '../support/fixtures'
import type { UploadPage } from '../support/upload-page'

const FILES = 1_000
const ROUNDS = 5

// Straight to the store: the tests' own proxy is not what is measured.
test.use({ environment: { S3_PUBLIC_ENDPOINT: '' } })

test('1,000 small files', async ({ upload }) => {
  const adding: Figures[] = []
  const uploading: Figures[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await upload.open()
    await upload.waitBeforeUploading()
    adding.push(await add(upload))
    uploading.push(await untilAllAreUploaded(upload))
  }
  print('added to the page and painted', adding)
  print('uploaded, with six requests at a time', uploading)
})

interface Figures {
  milliseconds: number
  /** The longest time that the page could not have answered a click. */
  longestTask: number
}

async function add(upload: UploadPage): Promise<Figures> {
  await expect(upload.rows).toHaveCount(0)
  return await upload.input.evaluate(async (input: HTMLInputElement, count) => {
    const data = new DataTransfer()
    for (let i = 0; i < count; i++) data.items.add(new File([`file ${i}`], `file ${i}.txt`, { type: 'text/plain' }))
    input.files = data.files

    const tasks = new PerformanceObserver(() => {})
    tasks.observe({ type: 'longtask' })
    const frame = () => new Promise(requestAnimationFrame)
    const start = performance.now()
    input.dispatchEvent(new Event('change', { bubbles: true }))
    while (document.querySelectorAll('[aria-label=Files] > li').length < count) await frame()
    await frame()
    await frame()
    const milliseconds = performance.now() - start
    return { milliseconds, longestTask: Math.max(0, ...tasks.takeRecords().map(task => task.duration)) }
  }, FILES)
}

async function untilAllAreUploaded(upload: UploadPage): Promise<Figures> {
  return await upload.button('Upload').evaluate(async (button: HTMLButtonElement, count) => {
    let longestTask = 0
    const tasks = new PerformanceObserver(list => {
      longestTask = Math.max(longestTask, ...list.getEntries().map(task => task.duration))
    })
    tasks.observe({ type: 'longtask' })
    const start = performance.now()
    button.click()
    while (document.querySelectorAll('[data-status=complete]').length < count) await new Promise(requestAnimationFrame)
    return { milliseconds: performance.now() - start, longestTask }
  }, FILES)
}

function print(what: string, rounds: Figures[]): void {
  const [time, task] = [median(rounds.map(one => one.milliseconds)), median(rounds.map(one => one.longestTask))]
  console.log(`1,000 small files ${what}: ${time} ms; longest task on the main thread: ${task} ms (median of ${ROUNDS})`)
}

function median(figures: number[]): string {
  return figures.sort((a, b) => a - b)[Math.floor(figures.length / 2)]!.toFixed(0)
}

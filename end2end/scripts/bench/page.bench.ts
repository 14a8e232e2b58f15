import { expect, test } from '../../support/fixtures'
import { addMeasure, median, type Figures } from './measure'

const FILES = 1_000
const ROUNDS = 5

// Straight to the store: the tests' own proxy is not what is measured.
test.use({ environment: { S3_PUBLIC_ENDPOINT: '' } })

test('1,000 small files', async ({ upload, page }) => {
  await addMeasure(page)
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

function print(what: string, rounds: Figures[]): void {
  const time = median(rounds.map(one => one.milliseconds)).toFixed(0)
  const task = median(rounds.map(one => one.longestTask)).toFixed(0)
  console.log(`1,000 small files ${what}: ${time} ms; longest task on the main thread: ${task} ms (median of ${ROUNDS})`)
}

import type { Page } from '@playwright/test'
import { file, MB, onDisk } from '../support/files'
import { expect, test } from '../support/fixtures'

/** Three parts of 8 MiB, the last of them shorter. */
const film = file('film.mp4', 20 * MB)
const PARTS = [1, 2, 3]

/** What the server says of an upload whose completion is still running: the store shows neither its parts nor an object. */
const absent = { status: 404, json: { Refused: 'UploadMissing' } }

/** Calls that were made to a server function. */
function callsOf(page: Page, name: string): string[] {
  const calls: string[] = []
  page.on('request', request => request.url().includes(`/api/${name}`) && calls.push(request.url()))
  return calls
}

test('an upload whose completion takes 45 s is waited for, and not asked for again', async ({ upload, page, store }) => {
  // Every call waits a tenth as long.
  await page.addInitScript(() => {
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    AbortSignal.timeout = ms => timeout(ms / 10)
  })
  await page.route('**/api/complete_upload*', async route => {
    const response = await route.fetch()
    const since = Date.now()
    await expect.poll(() => Date.now() - since).toBeGreaterThan(4_500)
    await route.fulfill({ response })
  })
  const completions = callsOf(page, 'complete_upload')
  await upload.open()
  await upload.pick(film)
  const key = await upload.file(film).isComplete()
  expect(await store.sha256(key)).toBe(film.sha256)
  expect(completions).toHaveLength(1)
})

test('an upload that is completed without an answer, and whose object shows late, is neither discarded nor sent again', async ({
  upload,
  wire,
  page,
  store,
}) => {
  let calls = 0
  await page.route('**/api/complete_upload*', async route => {
    calls += 1
    if (calls === 1) {
      await route.fetch()
      return route.abort('connectionreset')
    }
    return calls < 5 ? route.fulfill(absent) : route.continue()
  })
  const discards = callsOf(page, 'discard_upload')
  await upload.open()
  await upload.pick(film)
  const key = await upload.file(film).isComplete({ timeout: 50_000 })
  expect(await store.sha256(key)).toBe(film.sha256)
  expect(await store.everything()).toEqual([key])
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual(PARTS)
  expect(discards).toEqual([])
})

test('after a reload an upload that may be completed is asked for, and not sent again', async ({ upload, wire, page, store, folder }) => {
  const path = await onDisk(folder, film)
  let completed!: () => void
  const isCompleted = new Promise<void>(resolve => (completed = resolve))
  let calls = 0
  await page.route('**/api/complete_upload*', async route => {
    calls += 1
    if (calls > 1) return calls < 4 ? route.fulfill(absent) : route.continue()
    // The page is gone before the answer comes.
    await route.fetch()
    completed()
  })
  await page.route('**/api/list_parts*', route => route.fulfill(absent))
  const discards = callsOf(page, 'discard_upload')
  await upload.open()
  await upload.pick(path)
  await isCompleted
  await page.reload()
  await upload.file(film).is('interrupted')
  await upload.pick(path)
  const key = await upload.file(film).isComplete({ timeout: 30_000 })
  expect(await store.sha256(key)).toBe(film.sha256)
  expect(await store.everything()).toEqual([key])
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual(PARTS)
  expect(discards).toEqual([])
})

test('an upload that may be completed and whose token has expired fails in words, and its object stays', async ({ upload, page, store }) => {
  let calls = 0
  await page.route('**/api/complete_upload*', async route => {
    calls += 1
    if (calls > 1) return route.fulfill({ status: 403, json: { Refused: 'TokenExpired' } })
    await route.fetch()
    return route.abort('connectionreset')
  })
  await upload.open()
  await upload.pick(film)
  const row = upload.file(film)
  await row.hasFailed(/did not say in time whether it did\. Look whether the bucket has /)
  const [key] = await store.keys()
  await expect(row.error).toContainText(key!)
  await row.button('Remove').click()
  await expect(upload.rows).toHaveCount(0)
  expect(await store.sha256(key!)).toBe(film.sha256)
})

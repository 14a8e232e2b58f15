import { file, KB, onDisk } from '../support/files'
import { expect, test } from '../support/fixtures'

test.use({ javaScriptEnabled: false })

test('without JavaScript a form uploads one file and comes back with its key', async ({ upload, page, store, folder }) => {
  const photo = file('holiday.jpg', 300 * KB, 'image/jpeg')
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await upload.pick(await onDisk(folder, photo))
  await page.getByRole('button', { name: 'Upload this file' }).click()
  await expect(page.getByText('Uploaded. Key:')).toBeVisible()
  const key = await page.locator('code.key').innerText()
  expect(await store.keys()).toEqual([key])
  expect(await store.sha256(key)).toBe(photo.sha256)
})

test('a form comes back from a store that appends a second query to the address', async ({ upload, page, store, folder, wire }) => {
  const appended = '?bucket=uploads&key=a%2Ffile&etag=%22x%22'
  wire.appendToRedirects(appended)
  const photo = file('holiday.jpg', 300 * KB, 'image/jpeg')
  await page.goto('/')
  await upload.pick(await onDisk(folder, photo))
  const returned = page.waitForRequest(request => request.url().endsWith(appended))
  await page.getByRole('button', { name: 'Upload this file' }).click()
  await returned
  const key = await page.locator('code.key').innerText()
  expect(await store.sha256(key)).toBe(photo.sha256)
})

test('a made-up outcome in the address is not believed', async ({ page }) => {
  await page.goto('/?uploaded=made-up&bucket=uploads&key=made-up')
  await expect(page.getByRole('alert')).toBeVisible()
  await expect(page.locator('code.key')).toHaveCount(0)
})

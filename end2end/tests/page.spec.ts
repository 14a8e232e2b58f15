import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { bigFile, file, KB } from '../support/files'
import { expect, test } from '../support/fixtures'
import type { UploadPage } from '../support/upload-page'
import type { Wire } from '../support/wire'

test('the page hydrates and uploads without a word in the console', async ({ upload, problems, page }) => {
  const answer = await page.goto('/')
  expect(answer?.headers()['content-security-policy']).toContain("default-src 'none'")
  await upload.isHydrated()
  const photo = file('holiday.jpg', 300 * KB)
  await upload.pick(photo)
  await upload.file(photo).isComplete()
  expect(problems.all).toEqual([])
})

test('an image is shown before it is uploaded', async ({ upload, page }) => {
  await upload.open()
  const buffer = await page.screenshot()
  await upload.waitBeforeUploading()
  await page.getByLabel('Choose files').setInputFiles({ name: 'screen.png', mimeType: 'image/png', buffer })
  const image = upload.file('screen.png').item.locator('img')
  await expect.poll(() => image.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0)
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing to complain of, in ${colorScheme}`, async ({ upload, page, wire }) => {
    await page.emulateMedia({ colorScheme })
    await upload.open()
    expect(await complaints(page)).toEqual([])
    await fill(upload, wire)
    expect(await complaints(page)).toEqual([])
  })
}

test('nothing sticks out of a narrow window', async ({ upload, page, wire }) => {
  await page.setViewportSize({ width: 320, height: 640 })
  await upload.open()
  await fill(upload, wire)
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
})

/** A list with one file of each kind: done, failed, on its way, paused; some with names that do not break. */
async function fill(upload: UploadPage, wire: Wire): Promise<void> {
  const done = file(`${'done'.repeat(30)}.jpg`, 20 * KB, 'image/jpeg')
  const failed = file(`${'failed'.repeat(20)}.jpg`, 20 * KB, 'image/jpeg')
  await upload.pick(done)
  await upload.file(done).isComplete()
  const refused = wire.answer(403, 'AccessDenied')
  await upload.pick(failed)
  await upload.file(failed).is('failed')
  refused.lift()
  wire.hold(100 * KB)
  const [moving, paused] = [bigFile('moving.mp4'), bigFile('paused.mp4')]
  await upload.pick([moving, paused])
  await upload.file(paused).is('uploading')
  await upload.file(paused).button('Pause').click()
  await upload.file(paused).is('paused')
  await upload.file(moving).is('uploading')
}

async function complaints(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.flatMap(violation => violation.nodes.map(node => `${violation.help}: ${node.html}`))
}

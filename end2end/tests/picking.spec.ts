import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { file, KB, onDisk, textFile, type TestFile } from '../support/files'
import { expect, test } from '../support/fixtures'

const first = file('first.bin', 30 * KB)
const second = textFile('second.txt', 'second')

test('files dropped on the page are uploaded', async ({ upload, store, folder }) => {
  await upload.open()
  await upload.drop([await onDisk(folder, first), await onDisk(folder, second)])
  await expect(upload.withStatus('complete')).toHaveCount(2)
  expect(await store.contents()).toEqual([first.sha256, second.sha256].sort())
})

test('a folder dropped on the page is uploaded with all that is in it', async ({ upload, store, folder }) => {
  const files = [file('album/one.jpg', 2 * KB), file('album/summer/two.jpg', 3 * KB), file('album/empty.txt', 0)]
  for (const file of files) await onDisk(folder, file)
  await upload.open()
  await upload.drop([join(folder, 'album')])
  await expect(upload.withStatus('complete')).toHaveCount(3)
  expect(await store.contents()).toEqual(files.map(file => file.sha256).sort())
})

test('a folder of more files than a browser lists at one time is uploaded whole', async ({ upload, folder }) => {
  // readEntries gives at most 100 entries a call.
  for (let i = 0; i < 130; i++) await onDisk(folder, textFile(`many/${i}.txt`, String(i)))
  await upload.open()
  await upload.waitBeforeUploading()
  await upload.drop([join(folder, 'many')])
  await expect(upload.withStatus('waiting')).toHaveCount(130)
})

test('a folder can be chosen', async ({ upload, store, folder }) => {
  const files = [file('album/one.jpg', 2 * KB), file('album/summer/two.jpg', 3 * KB)]
  for (const file of files) await onDisk(folder, file)
  await upload.open()
  await upload.folderInput.setInputFiles(join(folder, 'album'))
  await expect(upload.withStatus('complete')).toHaveCount(2)
  expect(await store.contents()).toEqual(files.map(file => file.sha256).sort())
})

test('files made by a script or another page can be dropped', async ({ upload, store, page }) => {
  await upload.open()
  await page.locator('body').dispatchEvent('drop', { dataTransfer: await transfer(page, first) })
  expect(await store.sha256(await upload.file(first).isComplete())).toBe(first.sha256)
})

test('a pasted file is uploaded', async ({ upload, store, page }) => {
  await upload.open()
  const clipboardData = await transfer(page, first)
  await page.evaluate(
    data => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true })),
    clipboardData,
  )
  expect(await store.sha256(await upload.file(first).isComplete())).toBe(first.sha256)
})

test('a picture pasted with the keyboard is uploaded', async ({ upload, store, page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await upload.open()
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(8, 8)
    canvas.getContext('2d')!.fillRect(0, 0, 4, 4)
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': await canvas.convertToBlob() })])
  })
  await page.keyboard.press('Control+V')
  const key = await upload.only.isComplete()
  await expect(upload.only.name).toHaveText(/\.png$/)
  expect(await store.keys()).toEqual([key])
})

test('text dropped or pasted on the page is no file', async ({ upload, page }) => {
  await upload.open()
  const dataTransfer = await page.evaluateHandle(() => {
    const data = new DataTransfer()
    data.setData('text/plain', 'just text')
    return data
  })
  await page.locator('body').dispatchEvent('drop', { dataTransfer })
  await upload.pick(first)
  await upload.file(first).isComplete()
  await expect(upload.rows).toHaveCount(1)
})

test('a file picked before the page is hydrated is not lost', async ({ upload, store, page }) => {
  let letGo = () => {}
  const gate = new Promise<void>(resolve => (letGo = resolve))
  await page.route('**/*.wasm', async route => {
    await gate
    await route.continue()
  })
  await page.goto('/', { waitUntil: 'commit' })
  await upload.pick(first)
  letGo()
  await upload.isHydrated()
  expect(await store.sha256(await upload.file(first).isComplete())).toBe(first.sha256)
})

test('everything can be done by keyboard', async ({ upload, store, page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  // Of the two dialogs that a browser may have, a test can operate this one. Listened for from the start: Playwright does
  // not wait until the browser has heard of it.
  await context.addInitScript(() => Reflect.deleteProperty(window, 'showOpenFilePicker'))
  const chooser = page.waitForEvent('filechooser')
  await upload.open()
  await tabTo(page, 'Choose files')
  await page.keyboard.press('Enter')
  await (await chooser).setFiles(second)
  const key = await upload.file(second).isComplete()
  expect(await store.sha256(key)).toBe(second.sha256)

  await tabTo(page, 'Copy key of second.txt')
  await page.keyboard.press('Enter')
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(key)

  await tabTo(page, 'Remove second.txt')
  await page.keyboard.press('Space')
  await expect(upload.rows).toHaveCount(0)
})

/** A `DataTransfer` as scripts make it, with one file. */
function transfer(page: Page, file: TestFile) {
  return page.evaluateHandle(
    ({ base64, name, type }) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(base64), char => char.charCodeAt(0))], name, { type }))
      return data
    },
    { base64: file.buffer.toString('base64'), name: file.name, type: file.mimeType },
  )
}

/** Presses Tab until the control with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | null
      return element?.ariaLabel ?? element?.labels?.[0]?.textContent ?? element?.textContent
    })
    if (focused?.trim() === name) return
  }
  throw new Error(`Tab never reaches “${name}”`)
}

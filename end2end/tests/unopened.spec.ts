import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { file, KB, onDisk, textFile, type TestFile } from '../support/files'
import { expect, test } from '../support/fixtures'
import type { UploadPage } from '../support/upload-page'

/** How a part of the browser fails: so many times, with a `DOMException` of this name. */
interface Failure {
  times: number
  error: string
}

/** Of a file or handle of this name. */
interface NamedFailure extends Failure {
  name: string
}

const ALWAYS = 1_000_000

/**
 * What is dropped fails: each reader of a folder at its second call, and files when they are opened. Without an error a file
 * never answers. Browsers show nobody the prototypes of entries, so that each is changed as it comes.
 */
function failEntries(page: Page, failures: { listing?: Failure; opening?: NamedFailure }): Promise<unknown> {
  return page.addInitScript(({ listing, opening }) => {
    const fails = (failure: { times: number } | undefined) => failure !== undefined && failure.times-- > 0
    const changedFolder = (folder: FileSystemDirectoryEntry) => {
      const { createReader } = folder
      folder.createReader = () => {
        const reader = createReader.call(folder)
        const { readEntries } = reader
        let calls = 0
        reader.readEntries = (done, failed) => {
          calls += 1
          if (calls === 2 && fails(listing)) setTimeout(() => failed?.(new DOMException('', listing!.error)))
          else readEntries.call(reader, entries => done(entries.map(changed)), failed)
        }
        return reader
      }
    }
    const changedFile = (entry: FileSystemFileEntry) => {
      const { file } = entry
      entry.file = (done, failed) => {
        if (entry.name !== opening?.name || !fails(opening)) file.call(entry, done, failed)
        else if (opening.error) setTimeout(() => failed?.(new DOMException('', opening.error)))
      }
    }
    const changed = (entry: FileSystemEntry) => {
      if (entry.isDirectory) changedFolder(entry as FileSystemDirectoryEntry)
      else changedFile(entry as FileSystemFileEntry)
      return entry
    }
    const { webkitGetAsEntry } = DataTransferItem.prototype
    DataTransferItem.prototype.webkitGetAsEntry = function () {
      const entry = webkitGetAsEntry.call(this)
      return entry && changed(entry)
    }
  }, failures)
}

/** Handles of files do not open. */
function failHandles(page: Page, failure: NamedFailure): Promise<unknown> {
  return page.addInitScript(failure => {
    const { getFile } = FileSystemFileHandle.prototype
    FileSystemFileHandle.prototype.getFile = async function () {
      if (this.name === failure.name && failure.times-- > 0) throw new DOMException('', failure.error)
      return getFile.call(this)
    }
  }, failure)
}

/** The browser's dialog returns handles of files in the page's own file system: no test can operate that dialog. */
async function chooseInDialog(page: Page, files: TestFile[]): Promise<void> {
  const given = files.map(({ name, buffer }) => ({ name, base64: buffer.toString('base64') }))
  await page.evaluate(async files => {
    const folder = await navigator.storage.getDirectory()
    const handles: FileSystemFileHandle[] = []
    for (const { name, base64 } of files) {
      const handle = await folder.getFileHandle(name, { create: true })
      const writable = await handle.createWritable()
      await writable.write(Uint8Array.from(atob(base64), char => char.charCodeAt(0)))
      await writable.close()
      handles.push(handle)
    }
    Object.assign(window, { showOpenFilePicker: async () => handles })
  }, given)
  await page.getByText('Choose files').click()
}

/** A folder of more files than a browser lists at one time. */
async function large(folder: string): Promise<TestFile[]> {
  const files = Array.from({ length: 130 }, (_, i) => textFile(`many/${i}.txt`, String(i)))
  for (const file of files) await onDisk(folder, file)
  return files
}

const album = [file('album/one.jpg', 2 * KB), file('album/two.jpg', 3 * KB)]

async function dropAlbum(upload: UploadPage, folder: string): Promise<void> {
  for (const file of album) await onDisk(folder, file)
  await upload.drop([join(folder, 'album')])
}

test('a folder whose listing breaks off once is uploaded whole, each file once', async ({ upload, store, folder, page }) => {
  await failEntries(page, { listing: { times: 1, error: 'NotReadableError' } })
  const files = await large(folder)
  await upload.open()
  await upload.drop([join(folder, 'many')])
  await expect(upload.withStatus('complete')).toHaveCount(130)
  await expect(upload.unopened).toBeHidden()
  await expect(upload.totals.getByRole('status')).toHaveText('130 of 130 files uploaded')
  expect(await store.contents()).toEqual(files.map(file => file.sha256).sort())
})

test('a folder that cannot be listed whole is named, and the totals do not say that all is uploaded', async ({ upload, store, folder, page }) => {
  await failEntries(page, { listing: { times: ALWAYS, error: 'NotReadableError' } })
  const files = await large(folder)
  await upload.open()
  await upload.drop([join(folder, 'many')])
  await expect(upload.unopened).toHaveText(/^1 item could not be opened.*many.*files in it are missing.*can't be read/s)
  await expect(upload.withStatus('complete')).toHaveCount(100)
  await expect(upload.totals.getByRole('status')).toHaveText('100 of 101 files uploaded, 1 could not be opened')
  const hashes = new Set(files.map(file => file.sha256))
  const contents = await store.contents()
  expect(contents.filter(sha256 => hashes.has(sha256))).toHaveLength(100)
})

test('a file of a dropped folder that opens at the second try is uploaded', async ({ upload, store, folder, page }) => {
  await failEntries(page, { opening: { name: 'two.jpg', times: 1, error: 'NotReadableError' } })
  await upload.open()
  await dropAlbum(upload, folder)
  await expect(upload.withStatus('complete')).toHaveCount(2)
  await expect(upload.unopened).toBeHidden()
  expect(await store.contents()).toEqual(album.map(file => file.sha256).sort())
})

test('a file of a dropped folder that does not open is named with the reason, until it is dropped again and opens', async ({ upload, store, folder, page }) => {
  // Once, and at the second try.
  await failEntries(page, { opening: { name: 'two.jpg', times: 2, error: 'NotFoundError' } })
  await upload.open()
  await dropAlbum(upload, folder)
  await expect(upload.unopened).toContainText(/two\.jpg.*: it was moved or deleted/)
  await upload.file('album/one.jpg').isComplete()
  await expect(upload.totals.getByRole('status')).toHaveText('1 of 2 files uploaded, 1 could not be opened')
  expect(await store.contents()).toEqual([album[0]!.sha256])
  await upload.drop([join(folder, 'album')])
  await expect(upload.withStatus('complete')).toHaveCount(3)
  await expect(upload.unopened).toBeHidden()
  await expect(upload.totals.getByRole('status')).toHaveText('3 of 3 files uploaded')
  expect(await store.contents()).toEqual([album[0]!.sha256, ...album.map(file => file.sha256)].sort())
})

test('a file that the browser never opens holds up no other, and is named', async ({ upload, store, folder, page }) => {
  await failEntries(page, { opening: { name: 'one.jpg', times: ALWAYS, error: '' } })
  await page.clock.install()
  await upload.open()
  await dropAlbum(upload, folder)
  const isNamed = async () => {
    await page.clock.fastForward(61_000)
    await expect(upload.unopened).toContainText(/one\.jpg.*: the browser did not answer/, { timeout: 1_000 })
  }
  await expect(isNamed).toPass()
  expect(await store.sha256(await upload.file('album/two.jpg').isComplete())).toBe(album[1]!.sha256)
})

test('a dropped item that is no file after all is named', async ({ upload, page, folder }) => {
  // As promised files of mail programs are where the browser can't fetch them.
  await page.addInitScript(() => {
    DataTransferItem.prototype.getAsFile = () => null
    DataTransferItem.prototype.webkitGetAsEntry = () => null
  })
  await upload.open()
  await upload.drop([await onDisk(folder, file('letter.eml', 2 * KB))])
  await expect(upload.unopened).toContainText('gave the browser no file')
  await expect(upload.totals.getByRole('status')).toHaveText('0 of 1 file uploaded, 1 could not be opened')
  await upload.page.getByRole('button', { name: 'Dismiss' }).click()
  await expect(upload.unopened).toBeHidden()
  await expect(upload.totals).toBeHidden()
})

test('a dropped file is uploaded though the browser never hands out its handle', async ({ upload, store, page, folder }) => {
  await page.addInitScript(() => {
    Object.assign(DataTransferItem.prototype, { getAsFileSystemHandle: () => new Promise(() => {}) })
  })
  await upload.open()
  const one = file('one.jpg', 2 * KB)
  await upload.drop([await onDisk(folder, one)])
  expect(await store.sha256(await upload.file(one).isComplete())).toBe(one.sha256)
})

test('a chosen file whose handle opens at the second try is uploaded', async ({ upload, store, page }) => {
  const files = [file('one.jpg', 2 * KB), file('two.jpg', 3 * KB)]
  await failHandles(page, { name: 'two.jpg', times: 1, error: 'NotReadableError' })
  await upload.open()
  await chooseInDialog(page, files)
  await expect(upload.withStatus('complete')).toHaveCount(2)
  await expect(upload.unopened).toBeHidden()
  expect(await store.contents()).toEqual(files.map(file => file.sha256).sort())
})

test('a chosen file whose handle does not open is named with the reason', async ({ upload, store, page }) => {
  const files = [file('one.jpg', 2 * KB), file('two.jpg', 3 * KB)]
  await failHandles(page, { name: 'two.jpg', times: ALWAYS, error: 'NotAllowedError' })
  await upload.open()
  await chooseInDialog(page, files)
  await expect(upload.unopened).toContainText(/two\.jpg.*: the browser may not read it/)
  await upload.file(files[0]!).isComplete()
  await expect(upload.totals.getByRole('status')).toHaveText('1 of 2 files uploaded, 1 could not be opened')
  expect(await store.contents()).toEqual([files[0]!.sha256])
})

test('while a dialog of the browser never answers, the next click opens that of the input', async ({ upload, store, page }) => {
  const [first, second] = [file('first.jpg', 2 * KB), file('second.jpg', 3 * KB)]
  await upload.open()
  await page.evaluate(() => {
    const never = new Promise(resolve => Object.assign(window, { answerDialog: resolve }))
    Object.assign(window, { showOpenFilePicker: () => never })
  })
  const button = page.getByText('Choose files')
  await button.click()
  const chooser = page.waitForEvent('filechooser')
  await button.click()
  await (await chooser).setFiles(first)
  expect(await store.sha256(await upload.file(first).isComplete())).toBe(first.sha256)

  // What the other returns in the end counts too, and from then on it is opened again.
  await page.evaluate(async base64 => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('second.jpg', { create: true })
    const writable = await handle.createWritable()
    await writable.write(Uint8Array.from(atob(base64), char => char.charCodeAt(0)))
    await writable.close()
    Object.assign(window, { showOpenFilePicker: async () => [handle] })
    ;(window as unknown as { answerDialog(handles: FileSystemFileHandle[]): void }).answerDialog([handle])
  }, second.buffer.toString('base64'))
  expect(await store.sha256(await upload.file(second).isComplete())).toBe(second.sha256)
  await button.click()
  await expect(upload.withStatus('complete')).toHaveCount(3)
  expect(await store.contents()).toEqual([first.sha256, second.sha256, second.sha256].sort())
})

const wanted = [file('trip/one.jpg', 2 * KB), file('trip/summer/two.jpg', 3 * KB), file('trip/._lonely', 5)]
const unwanted = ['trip/.DS_Store', 'trip/._one.jpg', 'trip/summer/Thumbs.db', 'trip/summer/desktop.ini']

for (const how of ['dropped', 'chosen'] as const) {
  test(`system files of a folder that is ${how} are not uploaded, and the page says how many`, async ({ upload, store, folder }) => {
    for (const file of [...wanted, ...unwanted.map(name => textFile(name, name))]) await onDisk(folder, file)
    await upload.open()
    if (how === 'dropped') await upload.drop([join(folder, 'trip')])
    else await upload.folderInput.setInputFiles(join(folder, 'trip'))
    await expect(upload.leftOut).toHaveText('4 system files were left out, such as .DS_Store, Thumbs.db or desktop.ini.')
    await expect(upload.withStatus('complete')).toHaveCount(3)
    await expect(upload.totals.getByRole('status')).toHaveText('3 of 3 files uploaded')
    await expect(upload.unopened).toBeHidden()
    expect(await store.contents()).toEqual(wanted.map(file => file.sha256).sort())
  })
}

test('a system file that is dropped or chosen by itself is uploaded', async ({ upload, store, folder }) => {
  const [dropped, chosen] = [textFile('.DS_Store', 'finder'), textFile('desktop.ini', '[.ShellClassInfo]')]
  await upload.open()
  await upload.drop([await onDisk(folder, dropped)])
  await upload.pick(chosen)
  await expect(upload.withStatus('complete')).toHaveCount(2)
  await expect(upload.leftOut).toBeHidden()
  expect(await store.contents()).toEqual([dropped.sha256, chosen.sha256].sort())
})

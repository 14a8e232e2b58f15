import { mkdtemp, rename, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { file, MB, onDisk } from '../support/files'
import { expect, test } from '../support/fixtures'
import { noted } from '../support/journal'
import { sha256, type Store } from '../support/store'
import { type FileRow, UploadPage } from '../support/upload-page'
import type { Wire } from '../support/wire'

/** Five parts of 8 MiB, the last of them shorter. */
const film = file('film.mp4', 39 * MB)

/**
 * Brings an upload so far that the store has the first three parts, and the journal knows of them. Returns how the way
 * becomes free for the next page; nothing of the last two parts arrives until then.
 */
async function interrupt(upload: UploadPage, wire: Wire, add: () => Promise<void>): Promise<() => Promise<void>> {
  // Two are held; the third brings all others to the store, in whatever order.
  await upload.set('Limit', 3)
  const held = [wire.hold(1 * MB, { part: 4 }), wire.hold(1 * MB, { part: 5 })]
  await add()
  await wire.waitFor('two parts under way', () => held.every(rule => rule.exchanges[0]?.received === 1 * MB))
  await expect.poll(() => noted(upload.page)).toEqual([0, 1, 2, 3])
  return async () => {
    for (const rule of held) rule.lift()
    // Bytes that the browser had sent are still on their way to the wire.
    await wire.down()
    for (const rule of held) rule.release()
    await wire.up()
  }
}

/** In the bucket, byte for byte and verified, with nothing beside it. */
async function arrives(upload: UploadPage, store: Store, sha256: string): Promise<void> {
  const row = upload.only
  const key = await row.isComplete({ timeout: 60_000 })
  await expect(row.verified).toHaveText(/SHA-256/)
  expect(await store.sha256(key)).toBe(sha256)
  await expect.poll(() => store.everything()).toEqual([key])
  await expect.poll(() => noted(upload.page)).toEqual([])
}

/** Parts that were sent since `before`. */
function sentSince(before: number, wire: Wire): (number | undefined)[] {
  return wire.exchanges.slice(before).map(exchange => exchange.part).sort()
}

async function reload(upload: UploadPage): Promise<void> {
  upload.page.once('dialog', dialog => void dialog.accept())
  await upload.page.reload()
  await upload.isHydrated()
}

/** Interrupts the film, and frees the way for the page that comes after. Returns where the film is. */
async function interruptedByReload(how: 'drop' | 'pick', upload: UploadPage, wire: Wire, folder: string): Promise<string> {
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => (how === 'drop' ? upload.drop([path]) : upload.pick(path)))
  await reload(upload)
  await goOn()
  return path
}

/** Two tabs offer the film; the first has gone on with it, to its end. */
async function goneOnWithInFirstTab(upload: UploadPage, wire: Wire, store: Store, folder: string) {
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.drop([path]))
  const context = upload.page.context()
  await upload.page.close()
  await goOn()
  const [first, second] = [new UploadPage(await context.newPage(), folder), new UploadPage(await context.newPage(), folder)]
  await first.open()
  await second.open()
  await first.file(film).is('interrupted')
  await second.file(film).is('interrupted')
  await first.pick(path)
  await arrives(first, store, film.sha256)
  return { second, path }
}

/** Changes one bit of the film on the disk, and neither its size nor its time. Returns what it is then. */
async function changeInPlace(path: string, at: number): Promise<string> {
  const changed = Buffer.from(film.buffer)
  changed[at]! ^= 1
  const { atimeMs, mtimeMs } = await stat(path)
  await writeFile(path, changed)
  // A `Date` would round the time, and browsers see the millisecond.
  await utimes(path, atimeMs / 1_000, mtimeMs / 1_000)
  return sha256(changed)
}

/** Moves the film away, and sees that the page can't open it by itself any more. */
async function moveAway(path: string, row: FileRow): Promise<string> {
  const away = `${path}.away`
  await rename(path, away)
  await row.button('Go on').click()
  await expect(row.button('Go on')).toBeHidden()
  return away
}

test('after a reload a dropped file goes on with one click', async ({ upload, wire, store, folder }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.drop([path]))
  await reload(upload)
  const row = upload.file(film)
  await row.is('interrupted')
  await expect(row.progress).toHaveAttribute('value', '61')
  await expect(row.resumed).toBeHidden()
  await expect(upload.totals.getByRole('status')).toHaveText('1 interrupted')
  await goOn()
  const before = wire.exchanges.length
  await row.button('Go on').click()
  await arrives(upload, store, film.sha256)
  await expect(row.resumed).toHaveText('Resumed where it was interrupted.')
  expect(sentSince(before, wire)).toEqual([4, 5])
})

test('after a reload a picked file goes on when it is picked again', async ({ upload, wire, store, folder }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.pick(path))
  await reload(upload)
  const row = upload.file(film)
  await row.is('interrupted')
  await expect(row.status).toHaveText('Interrupted, choose or drop this file again to go on')
  await expect(row.button('Go on')).toBeHidden()
  await goOn()
  const before = wire.exchanges.length
  await upload.pick(path)
  await arrives(upload, store, film.sha256)
  expect(sentSince(before, wire)).toEqual([4, 5])
})

test('an upload that has only just begun goes on after a reload', async ({ upload, wire, store, folder, page }) => {
  const path = await onDisk(folder, film)
  const held = wire.hold(0)
  await upload.open()
  const parts = page.waitForRequest('**/api/sign_parts')
  await upload.pick(path)
  await parts
  await reload(upload)
  await upload.file(film).is('interrupted')
  held.lift()
  await wire.down()
  held.release()
  await wire.up()
  await upload.pick(path)
  await arrives(upload, store, film.sha256)
})

test('a file that is picked before the journal was read goes on too', async ({ upload, wire, store, folder, page }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.pick(path))
  await page.close()
  await goOn()
  const before = wire.exchanges.length
  const again = new UploadPage(await page.context().newPage(), folder)
  await again.page.route('**/*.wasm', async route => {
    // Picked on the page as the server sent it: WASM then finds the file and the journal at once.
    await again.pick(path)
    await route.continue()
  })
  await again.open()
  await arrives(again, store, film.sha256)
  expect(sentSince(before, wire)).toEqual([4, 5])
})

test('a tab that is killed and opened again goes on', async ({ upload, wire, store, folder, page, problems }) => {
  problems.expectCrash()
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.drop([path]))
  const context = page.context()
  const crashed = page.waitForEvent('crash')
  const browser = await context.newCDPSession(page)
  // The tab is gone before it could answer.
  void browser.send('Page.crash').catch(() => {})
  await crashed
  await page.close()
  await goOn()
  const before = wire.exchanges.length
  const again = new UploadPage(await context.newPage(), folder)
  await again.open()
  await again.file(film).is('interrupted')
  await again.pick(path)
  await arrives(again, store, film.sha256)
  expect(sentSince(before, wire)).toEqual([4, 5])
})

test('a file chosen in the browser\'s dialog goes on with one click too', async ({ upload, wire, store, folder, page }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  // No test can operate that dialog, which is the system's: what it returns is the handle of a file that was dropped.
  await page.evaluate(() => {
    const handle = new Promise<FileSystemHandle | null>(resolve => {
      const take = (event: DragEvent) => {
        event.stopImmediatePropagation()
        event.preventDefault()
        const item = event.dataTransfer!.items[0] as DataTransferItem & {
          getAsFileSystemHandle(): Promise<FileSystemHandle | null>
        }
        resolve(item.getAsFileSystemHandle())
      }
      window.addEventListener('drop', take, { capture: true, once: true })
    })
    Object.assign(window, { showOpenFilePicker: async () => [await handle] })
  })
  await upload.drop([path])
  await expect(upload.rows).toHaveCount(0)
  const goOn = await interrupt(upload, wire, () => page.getByText('Choose files').click())
  await reload(upload)
  await goOn()
  const before = wire.exchanges.length
  await upload.file(film).button('Go on').click()
  await arrives(upload, store, film.sha256)
  expect(sentSince(before, wire)).toEqual([4, 5])
})

test('what one tab uploads no other tab offers, until the first is closed', async ({ upload, wire, folder, page, context }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  await interrupt(upload, wire, () => upload.drop([path]))
  const other = new UploadPage(await context.newPage(), folder)
  await other.open()
  // Small files do not wait for the journal, large ones do: when this one is there, the journal was read.
  const large = file('large.bin', 17 * MB)
  await other.waitBeforeUploading()
  await other.pick(large)
  await other.file(large).is('waiting')
  await expect(other.rows).toHaveCount(1)
  await page.close()
  await reload(other)
  await other.file(film).is('interrupted')
})

test('a file that was paused is offered after a reload', async ({ upload, wire, store, folder }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.drop([path]))
  await upload.file(film).button('Pause').click()
  await upload.file(film).is('paused')
  await reload(upload)
  await goOn()
  await upload.file(film).button('Go on').click()
  await arrives(upload, store, film.sha256)
})

test('what the store has counts, and not what the journal says', async ({ upload, wire, store, folder }) => {
  await interruptedByReload('drop', upload, wire, folder)
  await store.forgetPart(2)
  const before = wire.exchanges.length
  await upload.file(film).button('Go on').click()
  await arrives(upload, store, film.sha256)
  expect(sentSince(before, wire)).toEqual([2, 4, 5])
})

for (const again of ['opened by the browser', 'picked again'] as const) {
  test(`a file that changed meanwhile starts over and says so, when it is ${again}`, async ({ upload, wire, store, folder }) => {
    const path = await onDisk(folder, film)
    await upload.open()
    const goOn = await interrupt(upload, wire, () => upload.drop([path]))
    await reload(upload)
    await upload.file(film).is('interrupted')
    await goOn()
    // Of the same size and, so that the bytes alone tell, of the same time.
    await changeInPlace(path, film.buffer.length / 2)
    if (again === 'opened by the browser') await upload.file(film).button('Go on').click()
    else await upload.pick(path)
    const row = upload.withStatus('complete')
    await expect(row).toHaveCount(1)
    await expect(row.locator('.resumed')).toHaveText(
      'This file is not what it was when its upload was interrupted: it starts over.',
    )
    // What is picked may be another file of that name: the first upload is offered until somebody gives it up.
    if (again === 'picked again') await upload.withStatus('interrupted').getByRole('button', { name: /^Cancel/ }).click()
    const [key, ...others] = await store.keys()
    expect(others).toEqual([])
    expect(await store.sha256(key!)).not.toBe(film.sha256)
    await expect.poll(() => store.everything()).toEqual([key])
    await expect.poll(() => noted(upload.page)).toEqual([])
  })
}

for (const again of ['opened by the browser', 'chosen again'] as const) {
  test(`a file that was only touched is resumed when it is ${again}`, async ({ upload, wire, store, folder }) => {
    const path = await interruptedByReload('drop', upload, wire, folder)
    await utimes(path, new Date(), new Date())
    const before = wire.exchanges.length
    if (again === 'opened by the browser') await upload.file(film).button('Go on').click()
    else await upload.pick(path)
    await arrives(upload, store, film.sha256)
    await expect(upload.only.resumed).toHaveText('Resumed where it was interrupted.')
    expect(sentSince(before, wire)).toEqual([4, 5])
  })
}

test('a file that was changed in place, its time kept, ends as it is now and not as a mix', async ({ upload, wire, store, folder }) => {
  const path = await interruptedByReload('drop', upload, wire, folder)
  // In the second part, far from what is looked at to recognise a file.
  const changed = await changeInPlace(path, 12 * MB)
  const before = wire.exchanges.length
  await upload.file(film).button('Go on').click()
  await arrives(upload, store, changed)
  await expect(upload.only.resumed).toHaveText(
    'Resumed. Parts of this file are not what was uploaded before: these are sent again.',
  )
  expect(sentSince(before, wire)).toEqual([2, 4, 5])
})

for (const changes of [false, true]) {
  const name = `without checksums ${changes ? 'a changed part is seen' : 'parts are compared'} by the MD5s that the store shows`
  test(name, async ({ upload, wire, store, folder }) => {
    const path = await onDisk(folder, film)
    await upload.open()
    await upload.withoutChecksums()
    const goOn = await interrupt(upload, wire, () => upload.drop([path]))
    await reload(upload)
    await goOn()
    const expected = changes ? await changeInPlace(path, 12 * MB) : film.sha256
    const before = wire.exchanges.length
    await upload.file(film).button('Go on').click()
    const key = await upload.only.isComplete({ timeout: 60_000 })
    expect(await store.sha256(key)).toBe(expected)
    expect(sentSince(before, wire)).toEqual(changes ? [2, 4, 5] : [4, 5])
  })
}

test('while a file is compared with the store its row says so, and shows no speed', async ({ upload, wire, store, folder, page }) => {
  await page.addInitScript(() => {
    const digest = SubtleCrypto.prototype.digest
    const released = new Promise<void>(resolve => Object.assign(window, { releaseDigests: resolve }))
    SubtleCrypto.prototype.digest = async function (...given) {
      if (sessionStorage.getItem('hold')) await released
      return digest.apply(this, given)
    }
  })
  const path = await onDisk(folder, film)
  await upload.open()
  const goOn = await interrupt(upload, wire, () => upload.drop([path]))
  await page.evaluate(() => sessionStorage.setItem('hold', 'yes'))
  await reload(upload)
  await goOn()
  const row = upload.file(film)
  await row.button('Go on').click()
  await row.is('verifying')
  await expect(row.status).toHaveText('Checking what is already uploaded')
  await expect(row.item).not.toContainText('/s')
  await expect(row.progress).toHaveAttribute('value', '61')
  await page.evaluate(() => (window as unknown as { releaseDigests(): void }).releaseDigests())
  await arrives(upload, store, film.sha256)
})

test('an upload that the store has forgotten starts over and says so', async ({ upload, wire, store, folder }) => {
  await interruptedByReload('drop', upload, wire, folder)
  await store.forgetUnfinished()
  const before = wire.exchanges.length
  await upload.file(film).button('Go on').click()
  await arrives(upload, store, film.sha256)
  await expect(upload.only.resumed).toHaveText("What was sent of this file before can't be used any more: it starts over.")
  expect(sentSince(before, wire)).toEqual([1, 2, 3, 4, 5])
})

test('a file that is gone from its place has to be picked again', async ({ upload, wire, store, folder }) => {
  const path = await interruptedByReload('drop', upload, wire, folder)
  const row = upload.file(film)
  const away = await moveAway(path, row)
  await expect(row.status).toHaveText('Interrupted, choose or drop this file again to go on')
  await rename(away, path)
  await upload.pick(path)
  await arrives(upload, store, film.sha256)
})

test('an interrupted upload that is cancelled leaves nothing behind', async ({ upload, wire, store, folder }) => {
  await interruptedByReload('pick', upload, wire, folder)
  await upload.file(film).button('Cancel').click()
  await expect(upload.rows).toHaveCount(0)
  await expect.poll(() => store.everything()).toEqual([])
  await reload(upload)
  await expect.poll(() => noted(upload.page)).toEqual([])
  await expect(upload.rows).toHaveCount(0)
})

test('what is older than its token is not offered', async ({ upload, wire, folder, page }) => {
  const path = await onDisk(folder, film)
  await upload.open()
  await interrupt(upload, wire, () => upload.pick(path))
  await page.clock.setFixedTime(Date.now() + 8 * 24 * 60 * 60 * 1_000)
  await reload(upload)
  await expect.poll(() => noted(upload.page)).toEqual([])
  await expect(upload.rows).toHaveCount(0)
})

test('what another tab has gone on with, a tab that offers it too leaves alone', async ({ upload, wire, store, folder }) => {
  const { second } = await goneOnWithInFirstTab(upload, wire, store, folder)
  await second.file(film).button('Cancel').click()
  await expect(second.rows).toHaveCount(0)
  expect(await store.contents()).toEqual([film.sha256])
})

test('a file picked where another tab has gone on with it meanwhile is uploaded as a new one', async ({ upload, wire, store, folder }) => {
  const { second, path } = await goneOnWithInFirstTab(upload, wire, store, folder)
  await second.pick(path)
  await second.withStatus('complete').waitFor({ timeout: 60_000 })
  expect(await store.contents()).toEqual([film.sha256, film.sha256])
})

test('a file picked at another place goes on, and its old place is forgotten', async ({ upload, wire, store, folder }) => {
  const path = await interruptedByReload('drop', upload, wire, folder)
  const row = upload.file(film)
  const away = await moveAway(path, row)
  const elsewhere = join(await mkdtemp(join(folder, 'elsewhere-')), film.name)
  await rename(away, elsewhere)
  await upload.waitBeforeUploading()
  await upload.pick(elsewhere)
  await row.is('paused')
  await reload(upload)
  await row.is('interrupted')
  await expect(row.button('Go on')).toBeHidden()
  await upload.pick(elsewhere)
  await arrives(upload, store, film.sha256)
})

import { appendFile, rm, utimes } from 'node:fs/promises'
import type { Route } from '@playwright/test'
import { file, KB, onDisk, textFile } from '../support/files'
import { expect, test } from '../support/fixtures'

const good = file('good.bin', 20 * KB)

test('an empty file is uploaded', async ({ upload, store }) => {
  const empty = file('empty.txt', 0, 'text/plain')
  await upload.open()
  await upload.pick(empty)
  expect(await store.sha256(await upload.file(empty).isComplete())).toBe(empty.sha256)
})

test.describe('with limits', () => {
  test.use({ environment: { UPLOAD_MAX_SIZE: '50000', UPLOAD_ALLOWED_TYPES: 'application/octet-stream,text/plain' } })

  test('a file that is too large says so, and the others go on', async ({ upload, store }) => {
    const large = file('large.bin', 50_001)
    await upload.open()
    await upload.pick([large, good])
    await upload.file(large).hasFailed('This file is too large: 48.8 KiB. The limit is 48.8 KiB.')
    await upload.file(good).isComplete()
    expect(await store.contents()).toEqual([good.sha256])
  })

  test('a file of a refused type says so, and the others go on', async ({ upload, store }) => {
    const film = file('film.mp4', 10 * KB, 'video/mp4')
    await upload.open()
    await upload.pick([film, good])
    await upload.file(film).hasFailed(/^Files of type video\/mp4 are not accepted here\. Accepted: .*text\/plain/)
    await upload.file(good).isComplete()
    expect(await store.contents()).toEqual([good.sha256])
  })
})

const names: Record<string, string> = {
  'of 300 characters': `${'long'.repeat(74)}.txt`,
  'of emoji': '🎉👩‍👩‍👧‍👦🏳️‍🌈.txt',
  'written from right to left': 'תמונה שלי.txt',
  'with characters that turn the direction': 'photo\u202Egpj.exe',
  'that climbs out of its folder': '../../etc/passwd',
  'full of quotes': `"it's" \`quoted\` \\ %22 &amp; 'x'.txt`,
  'that is HTML': '<img src=x onerror=document.title="broken">.txt',
  'with control characters': 'line\nbreak\ttab\u0000nul.txt',
  'of dots': '..',
}

test.describe('with names in keys', () => {
  test.use({ environment: { UPLOAD_KEY_NAME: 'true' } })

  for (const [kind, name] of Object.entries(names)) {
    test(`a name ${kind} is shown as text and makes a safe key`, async ({ upload, store, page }) => {
      const odd = textFile(name, `inside ${kind}`)
      await upload.open()
      await upload.pick(odd)
      const key = await upload.only.isComplete()
      expect(await upload.only.name.textContent()).toBe(name)
      await expect(upload.only.name.locator('*')).toHaveCount(0)
      await expect(page).not.toHaveTitle('broken')
      expect(await store.keys()).toEqual([key])
      expect(await store.sha256(key)).toBe(odd.sha256)
      expect(key.split('/')).not.toContain('..')
      expect(key).not.toMatch(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/)
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1_024)
    })
  }
})

for (const [name, url] of [
  ['spacer.gif', /spacer\.gif/],
  ['adcode_1.js', /\/adcode_/],
] as const) {
  test(`${name} is uploaded and downloaded past an ad blocker that blocks such URLs`, async ({ upload, store, context }) => {
    await context.route(url, route => route.abort('blockedbyclient'))
    const blocked = textFile(name, `inside ${name}`)
    for (const method of ['PUT', 'POST'] as const) {
      await upload.open()
      await upload.setMethod(method)
      await upload.pick(blocked)
      const key = await upload.file(blocked).isComplete()
      expect(await store.sha256(key)).toBe(blocked.sha256)
      const downloading = context.waitForEvent('download')
      await upload.file(blocked).open.click()
      expect((await downloading).suggestedFilename()).toBe(name)
    }
  })
}

test('a file without a name is uploaded', async ({ upload, store, page }) => {
  await upload.open()
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File(['nameless'], ''))
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }))
  })
  const key = await upload.only.isComplete()
  expect(await store.keys()).toEqual([key])
})

for (const [what, change] of Object.entries({
  deleted: (path: string) => rm(path),
  changed: (path: string) => appendFile(path, 'and more'),
})) {
  test(`a file that is ${what} after it was picked says so, and the others go on`, async ({ upload, store, folder }) => {
    const fleeting = file('fleeting.bin', 20 * KB)
    const path = await onDisk(folder, fleeting)
    // Chromium compares whole seconds, and does not see a change in the second in which the file was written.
    await utimes(path, new Date(2020, 0), new Date(2020, 0))
    await upload.open()
    await upload.waitBeforeUploading()
    await upload.pick([path, await onDisk(folder, good)])
    await expect(upload.withStatus('waiting')).toHaveCount(2)
    await change(path)
    await upload.button('Upload').click()
    await upload.file(fleeting).hasFailed(/changed, moved or deleted/)
    await upload.file(good).isComplete()
    expect(await store.contents()).toEqual([good.sha256])
  })
}

for (const [what, answer] of Object.entries({
  'with status 500': (route: Route) => route.fulfill({ status: 500, body: 'broken' }),
  'with HTML': (route: Route) => route.fulfill({ contentType: 'text/html', body: '<h1>Sign in</h1>' }),
  'with half a JSON': (route: Route) => route.fulfill({ contentType: 'application/json', body: '[{"Ok":' }),
  'with nothing': (route: Route) => route.abort('connectionreset'),
})) {
  test(`a signing server that answers ${what} fails the file in words, and later ones go on`, async ({ upload, store, page }) => {
    await upload.open()
    await upload.set('Tries after a failure', 1)
    await page.route('**/api/sign_uploads*', answer)
    const unlucky = file('unlucky.bin', 20 * KB)
    await upload.pick(unlucky)
    await upload.file(unlucky).hasFailed(/server|connection/i)
    await page.unroute('**/api/sign_uploads*')
    await upload.pick(good)
    await upload.file(good).isComplete()
    await upload.file(unlucky).button('Retry').click()
    await upload.file(unlucky).isComplete()
    expect(await store.contents()).toEqual([good.sha256, unlucky.sha256].sort())
  })
}

test('a signing server that is stopped and started again is found again', async ({ upload, store, server }) => {
  await upload.open()
  await server.stop()
  await upload.pick(good)
  await upload.file(good).is('retrying')
  await server.start()
  expect(await store.sha256(await upload.file(good).isComplete())).toBe(good.sha256)
})

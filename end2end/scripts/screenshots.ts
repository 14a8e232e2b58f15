import type { Page } from '@playwright/test'
import { bigFile, file, KB, MB, onDisk } from '../support/files'
import { expect, test } from '../support/fixtures'

const looks = {
  light: { colorScheme: 'light', width: 1_000 },
  dark: { colorScheme: 'dark', width: 1_000 },
  narrow: { colorScheme: 'light', width: 360 },
} as const

for (const [look, { colorScheme, width }] of Object.entries(looks)) {
  test(look, async ({ upload, wire, page, server, folder }) => {
    void server
    let number = 1
    const picture = async (state: string) => {
      const path = `screenshots/${look}-${number++}-${state}.png`
      await page.screenshot({ path, fullPage: true, animations: 'disabled' })
      console.log(path)
    }
    // A bar on its way to where it belongs is no picture of either.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 640 })
    await upload.open()
    await picture('empty')

    const image = { ...file('sunset.png', 0), mimeType: 'image/png', buffer: await sunset(page) }
    await upload.pick([image, file('letter to the bank, the third and last one of this year.pdf', 80 * KB, 'application/pdf')])
    await expect(upload.withStatus('complete')).toHaveCount(2)
    await picture('done')

    const held = wire.hold(1 * MB)
    const [film, talk, late] = [bigFile('film.mp4'), bigFile('talk.mp3'), bigFile('recording of the concert.flac')]
    await upload.pick([film, talk, late])
    await expect.poll(() => held.exchanges.filter(exchange => exchange.received === 1 * MB).length).toBe(3)
    await upload.file(talk).button('Pause').click()
    await upload.file(talk).is('paused')
    await picture('uploading')
    held.lift()

    const refused = wire.answer(403, 'AccessDenied')
    await upload.pick(file('not for us.docx', 30 * KB, 'application/msword'))
    await upload.file('not for us.docx').is('failed')
    await picture('failed')

    refused.lift()
    const large = wire.hold(1 * MB, { part: 3 })
    await upload.pick(file('slides of the whole course.zip', 20 * MB))
    await wire.waitFor('its last part', () => large.exchanges[0]?.received === 1 * MB)
    await upload.drop([await onDisk(folder, file('the wedding.mov', 23 * MB))])
    await wire.waitFor('its last part', () => large.exchanges[1]?.received === 1 * MB)
    page.once('dialog', dialog => void dialog.accept())
    await page.reload()
    await expect(upload.withStatus('interrupted')).toHaveCount(2)
    await picture('interrupted')
  })
}

/** A picture to have a preview of. */
async function sunset(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate(() => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 200
    const context = canvas.getContext('2d')!
    const sky = context.createLinearGradient(0, 0, 0, 200)
    sky.addColorStop(0, '#26355d')
    sky.addColorStop(0.6, '#ff7f3e')
    sky.addColorStop(1, '#af47d2')
    context.fillStyle = sky
    context.fillRect(0, 0, 200, 200)
    context.fillStyle = '#ffdb00'
    context.arc(100, 120, 35, 0, 2 * Math.PI)
    context.fill()
    return canvas.toDataURL('image/png').split(',')[1]!
  })
  return Buffer.from(base64, 'base64')
}

import { expect } from '@playwright/test'
import type { UploadPage } from '../../support/upload-page'
import { addMeasure } from './measure'

/** Requests at the same time, for every client. */
export const LIMIT = 6

/** Picks the files with the page under test; what it returns uploads them and resolves with the milliseconds taken. */
export async function readyThisPage(
  upload: UploadPage,
  paths: string[],
  { checksums = true } = {},
): Promise<() => Promise<number>> {
  await addMeasure(upload.page)
  await upload.open()
  await upload.waitBeforeUploading()
  await upload.set('Limit', LIMIT)
  if (!checksums) await upload.withoutChecksums()
  await upload.input.setInputFiles(paths)
  await expect(upload.rows).toHaveCount(paths.length)
  return async () => {
    const { milliseconds } = await upload.button('Upload').evaluate((button: HTMLButtonElement, count) => {
      return window.measure(() => button.click(), '[data-status=complete]', count)
    }, paths.length)
    return milliseconds
  }
}

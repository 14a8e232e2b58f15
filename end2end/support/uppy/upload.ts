// Runs in the browser.
import type Uppy from '@uppy/core'

export interface Uploaded {
  /** From the start to the last answer. */
  milliseconds: number
  /** What Uppy says of each file. */
  files: { key?: string; location?: string }[]
}

/** Uploads what the page's input holds, or says why that failed. */
export async function uploadPicked(uppy: Uppy): Promise<Uploaded> {
  const { files: picked } = document.querySelector('input')!
  uppy.addFiles(Array.from(picked!, file => ({ name: file.name, type: file.type, data: file })))
  const start = performance.now()
  const result = await uppy.upload()
  const milliseconds = performance.now() - start
  const failed = result?.failed ?? []
  if (failed.length > 0) throw new Error(`${failed.length} failed; the first with: ${failed[0]!.error}`)
  const files = (result?.successful ?? []).map(file => ({ ...file.response?.body }))
  return { milliseconds, files }
}

// Runs in the browser: Uppy and its S3 plugin as published, with their defaults, and no interface.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

export interface Uploaded {
  /** From the start to the last answer. */
  milliseconds: number
  /** What Uppy says of each file. */
  files: { key?: string; location?: string }[]
}

declare global {
  interface Window {
    /** Uploads what the input holds, or says why that failed. */
    uploadWithUppy: (companionUrl: string, options: object) => Promise<Uploaded>
  }
}

window.uploadWithUppy = async (companionEndpoint, options) => {
  const uppy = new Uppy({ autoProceed: false }).use(AwsS3, { ...options, companionEndpoint })
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

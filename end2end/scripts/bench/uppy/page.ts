// Runs in the browser: Uppy and its S3 plugin as published, with their defaults, and no interface.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

declare global {
  interface Window {
    /** Uploads what the input holds; resolves with the milliseconds it took, or says why it failed. */
    uploadWithUppy: (companionUrl: string, limit: number) => Promise<number>
  }
}

window.uploadWithUppy = async (companionEndpoint, limit) => {
  const uppy = new Uppy({ autoProceed: false }).use(AwsS3, { companionEndpoint, limit })
  const { files } = document.querySelector('input')!
  uppy.addFiles(Array.from(files!, file => ({ name: file.name, type: file.type, data: file })))
  const start = performance.now()
  const result = await uppy.upload()
  const milliseconds = performance.now() - start
  const failed = result?.failed ?? []
  if (failed.length > 0) throw new Error(`${failed.length} failed; the first with: ${failed[0]!.error}`)
  return milliseconds
}

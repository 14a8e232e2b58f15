// Runs in the browser: Uppy and its S3 plugin as published, with their defaults, and no interface.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { uploadPicked, type Uploaded } from './upload'

declare global {
  interface Window {
    /** Uploads what the input holds, or says why that failed. */
    uploadWithUppy: (companionUrl: string, options: object, meta?: Record<string, string>) => Promise<Uploaded>
  }
}

window.uploadWithUppy = (companionEndpoint, options, meta = {}) => {
  // As 3, and as 4 and 5 call it.
  const older = { companionUrl: companionEndpoint, endpoint: companionEndpoint }
  const uppy = new Uppy({ autoProceed: false }).use(AwsS3, { ...older, ...options, companionEndpoint })
  uppy.setMeta(meta)
  return uploadPicked(uppy)
}

// Runs in the browser: Uppy and its S3 plugin as published, with their defaults, and no interface.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { uploadPicked, type Uploaded } from './upload'

declare global {
  interface Window {
    /** Uploads what the input holds, or says why that failed. */
    uploadWithUppy: (companionUrl: string, options: object) => Promise<Uploaded>
  }
}

window.uploadWithUppy = (companionEndpoint, options) =>
  uploadPicked(new Uppy({ autoProceed: false }).use(AwsS3, { ...options, companionEndpoint }))

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Browser } from '@playwright/test'
import { presign } from '../../support/presign'
import type { AccessKeys } from '../../support/store'
import type { Client } from './client'
import { openOwnPage } from './own-page'
import { LIMIT } from './this-page'
import type { UnwatchedPage } from './unwatched-page'

/** What is sent, and where to. */
export interface Task {
  objectUrl: string
  keys: AccessKeys
  path: string
  bytes: number
  /** Each part is read and hashed before it is sent, while others are. */
  checksums?: boolean
}

/**
 * The parts of a file, a few at a time, each in an `XMLHttpRequest` of its own: what a browser can do at best in parts.
 * Its time is theirs alone; beginning the upload and completing it are left out.
 */
export class BareParts implements Client {
  static readonly client = 'bare XMLHttpRequests, parts'

  private constructor(
    private readonly page: UnwatchedPage,
    private readonly task: Task,
    private readonly uploadId: string,
  ) {}

  static async ready(browser: Browser, url: string, task: Task): Promise<BareParts> {
    const begun = await ask('POST', presign('POST', `${task.objectUrl}?uploads=`, task.keys))
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun)![1]!
    const page = await openOwnPage(browser, url)
    await page.pick('input', [task.path])
    return new BareParts(page, task, uploadId)
  }

  async upload(): Promise<number> {
    const { path, bytes, checksums = false } = this.task
    const count = Math.ceil(bytes / PART_BYTES)
    // A signature covers the checksum, so it has to be known before; the page computes it again, within its time.
    const headers = checksums ? await checksumHeaders(path, count) : []
    const urls = Array.from({ length: count }, (_, index) =>
      this.#signed('PUT', `partNumber=${index + 1}&`, headers[index]),
    )
    const { etags, milliseconds } = await this.page.evaluate(putParts, urls, PART_BYTES, LIMIT, checksums)
    const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
    const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
    await ask('POST', this.#signed('POST', ''), body)
    return milliseconds
  }

  close(): Promise<void> {
    return this.page.close()
  }

  #signed(method: 'PUT' | 'POST', query: string, headers: Record<string, string> = {}): string {
    return presign(method, `${this.task.objectUrl}?${query}uploadId=${this.uploadId}`, this.task.keys, headers)
  }
}

async function checksumHeaders(path: string, count: number): Promise<Record<string, string>[]> {
  const file = await open(path)
  const headers = []
  for (let index = 0; index < count; index++) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PART_BYTES), 0, PART_BYTES, index * PART_BYTES)
    const sha256 = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('base64')
    headers.push({ 'x-amz-checksum-sha256': sha256 })
  }
  await file.close()
  return headers
}

/** What the page under test makes of 1 GiB: 102 parts, as many in each of 17 rounds of six. */
const PART_BYTES = 161 * 64 * 1_024

async function ask(method: string, url: string, body?: string): Promise<string> {
  const answer = await fetch(url, { method, body })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return answer.text()
}

/** In the page. */
async function putParts(
  urls: string[],
  bytes: number,
  limit: number,
  checksums: boolean,
): Promise<{ etags: string[]; milliseconds: number }> {
  const file = document.querySelector('input')!.files![0]!
  const part = (index: number) => file.slice(index * bytes, (index + 1) * bytes)
  const hash = async (index: number) => {
    const buffer = await part(index).arrayBuffer()
    const sha256 = new Uint8Array(await crypto.subtle.digest('SHA-256', buffer))
    // Gives the memory back at once, as the page under test does.
    const { port1, port2 } = new MessageChannel()
    port2.close()
    port1.postMessage(null, [buffer])
    return btoa(String.fromCharCode(...sha256))
  }
  const put = (index: number, checksum?: string) =>
    new Promise<string>((resolve, reject) => {
      const request = new XMLHttpRequest()
      request.open('PUT', urls[index]!)
      if (checksum) request.setRequestHeader('x-amz-checksum-sha256', checksum)
      request.upload.onprogress = () => {}
      request.onerror = () => reject(new Error('a request failed'))
      request.onload = () => {
        if (request.status === 200) resolve(request.getResponseHeader('ETag')!)
        else reject(new Error(`${request.status}: ${request.responseText}`))
      }
      request.send(part(index))
    })
  const etags: string[] = []
  const hashes: Promise<string>[] = []
  const start = performance.now()
  let next = 0
  const lane = async () => {
    for (let index; (index = next++) < urls.length; ) {
      // One ahead of each lane.
      if (checksums) for (let n = hashes.length; n < Math.min(index + limit, urls.length); n++) hashes[n] = hash(n)
      etags[index] = await put(index, await hashes[index])
    }
  }
  await Promise.all(Array.from({ length: limit }, lane))
  return { etags, milliseconds: performance.now() - start }
}

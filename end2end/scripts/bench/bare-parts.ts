import type { Browser } from '@playwright/test'
import { presign } from '../../support/presign'
import type { AccessKeys } from '../../support/store'
import type { Client } from './client'
import { openOwnPage } from './own-page'
import { LIMIT } from './this-page'
import type { UnwatchedPage } from './unwatched-page'

/**
 * The parts of a file, a few at a time, each in an `XMLHttpRequest` of its own: what a browser can do at best in parts.
 * Its time is theirs alone; beginning the upload and completing it are left out.
 */
export class BareParts implements Client {
  static readonly client = 'bare XMLHttpRequests, parts'

  private constructor(
    private readonly page: UnwatchedPage,
    private readonly objectUrl: string,
    private readonly keys: AccessKeys,
    private readonly uploadId: string,
    private readonly part: { bytes: number; count: number },
  ) {}

  static async ready(
    browser: Browser,
    url: string,
    { objectUrl, keys, path, bytes }: { objectUrl: string; keys: AccessKeys; path: string; bytes: number },
  ): Promise<BareParts> {
    const begun = await ask('POST', presign('POST', `${objectUrl}?uploads=`, keys))
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun)![1]!
    const page = await openOwnPage(browser, url)
    await page.pick('input', [path])
    const part = { bytes: PART_BYTES, count: Math.ceil(bytes / PART_BYTES) }
    return new BareParts(page, objectUrl, keys, uploadId, part)
  }

  async upload(): Promise<number> {
    const { bytes, count } = this.part
    const urls = Array.from({ length: count }, (_, index) => this.#signed('PUT', `partNumber=${index + 1}&`))
    const { etags, milliseconds } = await this.page.evaluate(putParts, urls, bytes, LIMIT)
    const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
    const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
    await ask('POST', this.#signed('POST', ''), body)
    return milliseconds
  }

  close(): Promise<void> {
    return this.page.close()
  }

  #signed(method: 'PUT' | 'POST', query: string): string {
    return presign(method, `${this.objectUrl}?${query}uploadId=${this.uploadId}`, this.keys)
  }
}

/** The least that the page under test makes. */
const PART_BYTES = 8 * 1_024 * 1_024

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
): Promise<{ etags: string[]; milliseconds: number }> {
  const file = document.querySelector('input')!.files![0]!
  const put = (index: number) =>
    new Promise<string>((resolve, reject) => {
      const request = new XMLHttpRequest()
      request.open('PUT', urls[index]!)
      request.upload.onprogress = () => {}
      request.onerror = () => reject(new Error('a request failed'))
      request.onload = () => {
        if (request.status === 200) resolve(request.getResponseHeader('ETag')!)
        else reject(new Error(`${request.status}: ${request.responseText}`))
      }
      request.send(file.slice(index * bytes, (index + 1) * bytes))
    })
  const etags: string[] = []
  const start = performance.now()
  let next = 0
  const lane = async () => {
    for (let index; (index = next++) < urls.length; ) etags[index] = await put(index)
  }
  await Promise.all(Array.from({ length: limit }, lane))
  return { etags, milliseconds: performance.now() - start }
}

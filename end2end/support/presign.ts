import { createHash, createHmac } from 'node:crypto'
import type { AccessKeys } from './store'

const REGION = 'us-east-1'

/**
 * A URL that is good for one kind of request with these headers, for an hour, signed with Signature Version 4 in the query.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function presign(
  method: 'GET' | 'PUT' | 'POST',
  url: string,
  { accessKey, secretKey }: AccessKeys,
  headers: Record<string, string> = {},
): string {
  const signed = new URL(url)
  const all = Object.entries({ host: signed.host, ...headers }).sort(([name], [other]) => (name < other ? -1 : 1))
  const names = all.map(([name]) => name).join(';')
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const date = time.slice(0, 8)
  const scope = `${date}/${REGION}/s3/aws4_request`
  const query = {
    ...Object.fromEntries(signed.searchParams),
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKey}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': '3600',
    'X-Amz-SignedHeaders': names,
  }
  signed.search = Object.entries(query)
    .map(pair => pair.map(encodeURIComponent))
    .sort(([name], [other]) => (name! < other! ? -1 : 1))
    .map(pair => pair.join('='))
    .join('&')
  const { pathname, search } = signed
  const lines = all.map(([name, value]) => `${name}:${value}`)
  const canonical = [method, pathname, search.slice(1), ...lines, '', names, 'UNSIGNED-PAYLOAD'].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = [date, REGION, 's3', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secretKey}`)
  return `${signed.href}&X-Amz-Signature=${hmac(key, toSign).toString('hex')}`
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

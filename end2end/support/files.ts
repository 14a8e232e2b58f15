import { createCipheriv, createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { sha256 } from './store'

export const KB = 1_024
export const MB = 1_024 * KB

/** A file to pick; `name`, `mimeType` and `buffer` are what Playwright takes. */
export interface TestFile {
  name: string
  mimeType: string
  buffer: Buffer
  sha256: string
}

/** A file whose bytes follow from its name and size, and never compress or repeat. */
export function file(name: string, size: number, mimeType = 'application/octet-stream'): TestFile {
  const key = createHash('md5').update(`${name} ${size}`).digest()
  const buffer = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
  return { name, mimeType, buffer, sha256: sha256(buffer) }
}

export function textFile(name: string, text: string): TestFile {
  const buffer = Buffer.from(text)
  return { name, mimeType: 'text/plain', buffer, sha256: sha256(buffer) }
}

/**
 * One that the kernel's buffers between browser and proxy do not swallow whole, so that it is seen to stop halfway: as long
 * as the proxy stops early, since what it reads makes the kernel's buffers grow. As large as goes in one request.
 */
export function bigFile(name: string): TestFile {
  return file(name, 15 * MB)
}

/** A file on the disk, of any size. */
export interface DiskFile {
  path: string
  size: number
  sha256: string
}

/** Like `file`, but written piece by piece: for what does not fit into memory. */
export async function diskFile(folder: string, name: string, size: number): Promise<DiskFile> {
  const path = join(folder, name)
  const cipher = createCipheriv('aes-128-ctr', createHash('md5').update(`${name} ${size}`).digest(), Buffer.alloc(16))
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(MB)
  function* pieces() {
    for (let at = 0; at < size; at += MB) {
      const piece = cipher.update(zeros.subarray(0, Math.min(MB, size - at)))
      hash.update(piece)
      yield piece
    }
  }
  await pipeline(pieces, createWriteStream(path))
  return { path, size, sha256: hash.digest('hex') }
}

/** Puts `file` on the disk and returns its path. */
export async function onDisk(folder: string, file: TestFile): Promise<string> {
  const path = join(folder, file.name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, file.buffer)
  return path
}

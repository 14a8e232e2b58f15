import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/** What lies on the embedded store's disk: one plain file per object, and its notes beside the bucket. */
export class Store {
  constructor(private readonly folder: string) {}

  /** The keys of all objects. */
  async keys(): Promise<string[]> {
    const entries = await readdir(this.#bucket, { recursive: true, withFileTypes: true })
    return entries
      .filter(entry => entry.isFile())
      .map(entry => relative(this.#bucket, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort()
  }

  async sha256(key: string): Promise<string> {
    return sha256(await readFile(join(this.#bucket, key)))
  }

  /** SHA-256 of every object, sorted: what there is, whatever its name. */
  async contents(): Promise<string[]> {
    const keys = await this.keys()
    return (await Promise.all(keys.map(key => this.sha256(key)))).sort()
  }

  /** Whatever an upload has left: objects, half-written files, parts. */
  async everything(): Promise<string[]> {
    const names = await readdir(this.folder)
    const unfinished = names.includes('.multipart') ? await readdir(join(this.folder, '.multipart')) : []
    return [...(await this.keys()), ...names.filter(name => name.startsWith('.tmp')), ...unfinished]
  }

  get #bucket(): string {
    return join(this.folder, 'uploads')
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

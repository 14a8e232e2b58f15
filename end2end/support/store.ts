import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

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
    return sha256Of(join(this.#bucket, key))
  }

  async size(key: string): Promise<number> {
    return (await stat(join(this.#bucket, key))).size
  }

  /** Makes room for the next upload. */
  async remove(key: string): Promise<void> {
    await rm(join(this.#bucket, key))
  }

  /** Everything of uploads in parts that are not finished vanishes, as by a lifecycle rule. */
  async forgetUnfinished(): Promise<void> {
    await rm(join(this.folder, '.multipart'), { recursive: true })
  }

  /** One part of the only unfinished upload vanishes. */
  async forgetPart(part: number): Promise<void> {
    const [upload] = await readdir(join(this.folder, '.multipart'))
    await rm(join(this.folder, '.multipart', upload!, `${String(part).padStart(5, '0')}.json`))
  }

  /** What requests to this store are signed with. */
  async accessKeys(): Promise<AccessKeys> {
    const keys = JSON.parse(await readFile(join(this.folder, '.keys.json'), 'utf8')) as Record<string, string>
    return { accessKey: keys.access_key!, secretKey: keys.secret_key! }
  }

  /** SHA-256 of every object, sorted: what there is, whatever its name. */
  async contents(): Promise<string[]> {
    const keys = await this.keys()
    return (await Promise.all(keys.map(key => this.sha256(key)))).sort()
  }

  /** Whatever an upload has left: objects, half-written files, parts. */
  async everything(): Promise<string[]> {
    const names = await readdir(this.folder)
    // The folder is there while something is unfinished.
    const unfinished = await readdir(join(this.folder, '.multipart')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return [...(await this.keys()), ...names.filter(name => name.startsWith('.tmp')), ...unfinished]
  }

  get #bucket(): string {
    return join(this.folder, 'uploads')
  }
}

export interface AccessKeys {
  accessKey: string
  secretKey: string
}

/** Of a file, piece by piece: it may be larger than a buffer. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { stopChild, untilItSays } from './child'
import { presign } from './presign'
import { sha256, type AccessKeys } from './store'

/** Of the environment that `make moto` makes. */
const python = fileURLToPath(new URL('../moto/.venv/bin/python', import.meta.url))

/** An S3 server that nobody here wrote, in a process of its own. It keeps its one bucket in memory. */
export class Moto {
  static readonly bucket = 'photos'

  /** It takes any. */
  static readonly keys: AccessKeys = { accessKey: 'AKIAMOTO', secretKey: 'nobody checks it' }

  readonly output: string[] = []

  private constructor(
    readonly port: number,
    private readonly process: ChildProcess,
  ) {}

  /** Returns when it says that it runs, with an empty bucket that no page may send to. */
  static async start(port: number): Promise<Moto> {
    if (!existsSync(python)) throw new Error(`${python} is not there; \`make moto\` installs it`)
    const child = spawn(python, ['-m', 'moto.server', '--host', '127.0.0.1', '--port', String(port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Else it lets every page do everything, whatever the bucket's rules are.
      env: { PATH: process.env.PATH, MOTO_DISABLE_GLOBAL_CORS: 'true' },
    })
    const moto = new Moto(port, child)
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', () => reject(new Error(moto.output.join('\n'))))
    })
    ended.catch(() => {})
    try {
      await Promise.race([moto.#runs(), ended])
      await moto.#ask('PUT', '')
    } catch (error) {
      await moto.stop()
      throw error
    }
    return moto
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  stop(): Promise<void> {
    return stopChild(this.process, 'SIGKILL')
  }

  /** The keys of all objects. */
  async keys(): Promise<string[]> {
    return elements(await this.#text('GET', '?list-type=2'), 'Key').sort()
  }

  /** The keys of all uploads in parts that are not finished. */
  async unfinished(): Promise<string[]> {
    return elements(await this.#text('GET', '?uploads'), 'Key').sort()
  }

  /** Begins an upload in parts, sends the first one, and leaves it at that. */
  async begin(key: string, part: Buffer): Promise<void> {
    const [id] = elements(await this.#text('POST', `/${key}?uploads`), 'UploadId')
    await this.#ask('PUT', `/${key}?uploadId=${id}&partNumber=1`, part)
  }

  /** The bucket's rules of a kind, as XML. */
  async rules(kind: 'cors' | 'lifecycle'): Promise<string> {
    return this.#text('GET', `?${kind}`)
  }

  async setRules(kind: 'cors' | 'lifecycle', xml: string): Promise<void> {
    await this.#ask('PUT', `?${kind}`, Buffer.from(xml))
  }

  /** Whatever an upload has left: objects, and what is not finished. */
  async everything(): Promise<string[]> {
    return [...(await this.keys()), ...(await this.unfinished())]
  }

  /** Of the object's bytes, read back. */
  async sha256(key: string): Promise<string> {
    const answer = await this.#ask('GET', `/${key}`)
    return sha256(new Uint8Array(await answer.arrayBuffer()))
  }

  async #text(method: 'GET' | 'POST', path: string): Promise<string> {
    return (await this.#ask(method, path)).text()
  }

  async #ask(method: 'GET' | 'PUT' | 'POST', path: string, body?: Buffer): Promise<Response> {
    const url = presign(method, `${this.url}/${Moto.bucket}${path}`, Moto.keys)
    const answer = await fetch(url, { method, body: body && new Uint8Array(body) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  #runs(): Promise<void> {
    return untilItSays(this.process, this.output, `Running on ${this.url}`)
  }
}

/** What is between the tags of that name, in order. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(match => match[1]!)
}

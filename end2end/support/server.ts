import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { stopChild, untilItSays } from './child'

const project = fileURLToPath(new URL('../..', import.meta.url))
const target = resolve(project, process.env.CARGO_TARGET_DIR || 'target')
const binary = process.env.SERVER_BINARY || join(target, 'debug', 'leptos-aws-s3')
const siteRoot = resolve(project, process.env.LEPTOS_SITE_ROOT || join('target', 'site'))

export type Environment = Record<string, string>

/** The real server, as a visitor's browser meets it, on ports of its own. */
export class Server {
  readonly output: string[] = []
  #process!: ChildProcess

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly environment: Environment,
  ) {}

  /** Starts it with `folder` as its working directory, and returns when it says that it listens. */
  static async start(port: number, folder: string, environment: Environment): Promise<Server> {
    const server = new Server(port, folder, environment)
    await server.start()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Starts it, or starts it again, on the same port. */
  async start(): Promise<void> {
    this.#process = spawn(binary, [], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        LEPTOS_OUTPUT_NAME: 'leptos-aws-s3',
        LEPTOS_SITE_ROOT: siteRoot,
        LEPTOS_SITE_PKG_DIR: 'pkg',
        LEPTOS_SITE_ADDR: `127.0.0.1:${this.port}`,
        RUST_BACKTRACE: '1',
        ...this.environment,
      },
    })
    const ended = new Promise<never>((_, reject) => {
      this.#process.once('error', reject)
      this.#process.once('exit', (code, signal) => {
        reject(new Error(`${binary} ended with ${signal ?? code}:\n${this.output.join('\n')}`))
      })
    })
    ended.catch(() => {})
    await Promise.race([this.#listens(), ended])
  }

  /** Ends it: as an operator does, who lets running requests come to their end, or at once with `SIGKILL`. */
  stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    return stopChild(this.#process, signal)
  }

  #listens(): Promise<void> {
    return untilItSays(this.#process, this.output, this.url)
  }
}

/** What a run of the command left behind. */
export interface Run {
  code: number | null
  out: string
  err: string
}

/** Runs the server's command with `folder` as its working directory, until it ends. */
export async function run(args: string[], folder: string, environment: Environment): Promise<Run> {
  const child = spawn(binary, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  })
  const collected = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await once(child, 'close')) as [number | null]
  const [out, err] = await collected
  return { code, out, err }
}

/**
 * A port for a server that is yet to start, out of this worker's own thousand.
 *
 * Asking the system for any free port would do, but for the moment between closing it and the server's opening it, in
 * which the browser may get it for a connection: those come from 32768 and up.
 */
export async function freePort(worker: number): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = 20_000 + (worker % 10) * 1_000 + (next++ % 1_000)
    if (await isFree(port)) return port
  }
  throw new Error('no free port')
}

let next = process.pid % 1_000

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

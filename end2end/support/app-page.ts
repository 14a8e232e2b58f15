import { createReadStream } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `make host-page` puts what it builds. */
const files = fileURLToPath(new URL('../../target/host-page', import.meta.url))

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' }

/** A page of somebody else's app, on an origin of its own. */
export class AppPage {
  html = ''
  readonly #server: Server

  private constructor(readonly port: number) {
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url!, this.origin)
      const type = TYPES[extname(pathname)]
      if (type) {
        response.writeHead(200, { 'Content-Type': type })
        createReadStream(join(files, basename(pathname))).on('error', error => response.destroy(error)).pipe(response)
      } else {
        // Chromium asks for an icon of its own accord.
        response.writeHead(pathname === '/' ? 200 : 204, { 'Content-Type': 'text/html; charset=utf-8' })
        response.end(pathname === '/' ? this.html : undefined)
      }
    })
  }

  static async start(port: number): Promise<AppPage> {
    const page = new AppPage(port)
    page.#server.listen(port, '127.0.0.1')
    await once(page.#server, 'listening')
    return page
  }

  /** Another site than the server's, not only another port of it. */
  get origin(): string {
    return `http://localhost:${this.port}`
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

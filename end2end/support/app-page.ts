import { createServer, type Server } from 'node:http'
import { once } from 'node:events'

/** A page of somebody else's app, on an origin of its own. */
export class AppPage {
  html = ''
  readonly #server: Server

  private constructor(readonly port: number) {
    this.#server = createServer((request, response) => {
      // Chromium asks for an icon of its own accord.
      response.writeHead(request.url === '/' ? 200 : 204, { 'Content-Type': 'text/html; charset=utf-8' })
      response.end(request.url === '/' ? this.html : undefined)
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

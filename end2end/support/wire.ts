import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The wire between the browser and the store: a proxy that misbehaves when told to.
 *
 * Requests pass with their `Host` unchanged, so signatures hold. Only requests that carry data are counted and
 * faulted; preflights always pass. Every answer closes its connection: Chromium silently repeats a request that
 * fails on a reused one, and then a test would measure Chromium.
 */
export class Wire {
  /** Every request that carried data, in the order of arrival. */
  readonly exchanges: Exchange[] = []
  maxInFlight = 0

  #rules: Rule[] = []
  #readers?: string
  #appended?: string
  #waits = new Set<Wait>()
  #port = 0
  #server = this.#newServer()

  private constructor(private readonly storePort: number) {}

  static async start(storePort: number): Promise<Wire> {
    const wire = new Wire(storePort)
    await wire.up()
    return wire
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Data requests whose answer has not been sent yet. */
  get inFlight(): number {
    return this.exchanges.filter(exchange => !exchange.over).length
  }

  /** Listens again, on the same port. */
  async up(): Promise<void> {
    this.#server = this.#newServer()
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** The store is gone: open connections are cut, new ones refused. */
  async down(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async stop(): Promise<void> {
    for (const rule of this.#rules) rule.release()
    for (const wait of this.#waits) wait.reject(new Error(`never happened: ${wait.what}`))
    this.#waits.clear()
    if (this.#server.listening) await this.down()
  }

  /** Resolves as soon as `condition` holds; there is no time limit but the test's own. */
  async waitFor(what: string, condition: () => boolean): Promise<void> {
    if (condition()) return
    await new Promise<void>((resolve, reject) => this.#waits.add({ what, condition, resolve, reject }))
  }

  /** Takes the body, passes nothing on, and answers with an S3 error. */
  answer(status: number, code: keyof typeof MESSAGES, scope: Scope = {}): Rule {
    return this.#rule({ ...scope, answer: { status, code } })
  }

  /** Reads `after` bytes of the body and then no more, with the connection open, until released. */
  hold(after: number, scope: Scope = {}): Rule {
    return this.#rule({ ...scope, at: after, act: rule => rule.released })
  }

  /** Resets the connection after `after` bytes. */
  reset(after: number, scope: Scope = {}): Rule {
    return this.#rule({ ...scope, at: after, act: (_, client) => void client.socket.resetAndDestroy() })
  }

  /** Lets the store have the whole request, and keeps its answer until released. */
  holdAnswer(scope: Scope = {}): Rule {
    return this.#rule({ ...scope, onAnswer: rule => rule.released })
  }

  /** Lets the store have the whole request, and cuts the connection in place of its answer. */
  loseAnswer(scope: Scope = {}): Rule {
    return this.#rule({ ...scope, onAnswer: (_, client) => void client.socket.destroy() })
  }

  /** Turns over one bit of byte `at`. */
  flipBit(at: number, scope: Scope = {}): Rule {
    return this.#rule({ ...scope, flip: at })
  }

  /** Pages of this origin may read answers, also where the store forgets to say so. */
  letRead(origin: string): void {
    this.#readers = origin
  }

  /** Redirects end so, as those of a store that appends its `?bucket=…` whether or not the URL has a query. */
  appendToRedirects(appended: string): void {
    this.#appended = appended
  }

  #rule(fault: Fault): Rule {
    const rule = new Rule(fault)
    this.#rules.push(rule)
    return rule
  }

  #newServer() {
    return createServer({ keepAlive: false, requestTimeout: 0 }, (client, answer) => {
      const { socket } = client
      void this.#handle(client, answer).catch(() => socket.destroy())
    })
  }

  async #handle(client: IncomingMessage, answer: ServerResponse): Promise<void> {
    const carriesData = client.method === 'PUT' || client.method === 'POST'
    if (!carriesData) return this.#pass(client, answer)

    const exchange = new Exchange(client)
    this.exchanges.push(exchange)
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
    answer.once('close', () => this.#changed(() => (exchange.over = true)))
    const rule = this.#rules.find(rule => rule.takes(exchange))
    this.#changed()

    const refusal = rule?.fault.answer
    if (refusal) {
      for await (const piece of this.#body(client, exchange)) void piece
      return this.#refuse(client, answer, exchange, refusal)
    }
    return this.#pass(client, answer, exchange, rule)
  }

  async #pass(client: IncomingMessage, answer: ServerResponse, exchange?: Exchange, rule?: Rule): Promise<void> {
    const store = request({
      host: '127.0.0.1',
      port: this.storePort,
      method: client.method,
      path: client.url,
      headers: withoutConnection(client.rawHeaders),
      agent: false,
    })
    const { socket } = client
    store.on('error', () => socket.destroy())
    client.once('close', () => client.complete || store.destroy())
    const answered = once(store, 'response') as Promise<[IncomingMessage]>
    answered.catch(() => {})

    const body = exchange ? this.#body(client, exchange, rule) : client
    for await (const piece of body) {
      // A store that has answered before the end reads no more; the rest is read here so that the browser hears it.
      if (store.writable && !store.write(piece)) await Promise.race([once(store, 'drain'), answered])
    }
    store.end()

    const [reply] = await answered
    const chunks: Buffer[] = []
    for await (const chunk of reply) chunks.push(chunk)
    if (exchange) this.#changed(() => (exchange.storeStatus = reply.statusCode))
    if (rule?.fault.onAnswer) await rule.fault.onAnswer(rule, client)
    if (exchange && !socket.destroyed) this.#changed(() => Object.assign(exchange, { status: reply.statusCode, over: true }))
    const { location } = reply.headers
    if (location && this.#appended) {
      const appended = location.replace(/[?&]bucket=.*/, '') + this.#appended
      reply.rawHeaders = reply.rawHeaders.map(text => (text === location ? appended : text))
    }
    const forgotten = this.#readers && !reply.headers['access-control-allow-origin']
    answer.writeHead(reply.statusCode ?? 502, reply.statusMessage, [
      ...withoutConnection(reply.rawHeaders),
      ...(forgotten ? ['Access-Control-Allow-Origin', this.#readers!] : []),
      'Connection',
      'close',
    ])
    answer.end(Buffer.concat(chunks))
  }

  async *#body(client: IncomingMessage, exchange: Exchange, rule?: Rule): AsyncGenerator<Buffer> {
    const { at, act, flip } = rule?.fault ?? {}
    if (rule && act && at === 0) await act(rule, client)
    for await (const chunk of client as AsyncIterable<Buffer>) {
      const cut = at === undefined ? 0 : Math.max(0, at - exchange.received)
      for (const piece of [chunk.subarray(0, cut), chunk.subarray(cut)].filter(piece => piece.length > 0)) {
        if (flip !== undefined && flip >= exchange.received && flip < exchange.received + piece.length) {
          piece[flip - exchange.received] ^= 1
        }
        this.#changed(() => (exchange.received += piece.length))
        yield piece
        if (rule && act && exchange.received === at) await act(rule, client)
      }
    }
  }

  #refuse(client: IncomingMessage, answer: ServerResponse, exchange: Exchange, refusal: Refusal): void {
    this.#changed(() => Object.assign(exchange, { status: refusal.status, over: true }))
    answer.writeHead(refusal.status, {
      'Access-Control-Allow-Origin': client.headers.origin ?? '*',
      'Content-Type': 'application/xml',
      Connection: 'close',
    })
    answer.end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${refusal.code}</Code><Message>${MESSAGES[refusal.code]}</Message></Error>`,
    )
  }

  #changed(change?: () => void): void {
    change?.()
    for (const wait of this.#waits) {
      if (!wait.condition()) continue
      this.#waits.delete(wait)
      wait.resolve()
    }
  }
}

/** One data request on its way to the store. */
export class Exchange {
  readonly method: string
  readonly url: URL
  /** Bytes of the body that were read from the browser. */
  received = 0
  /** What the store answered. */
  storeStatus?: number
  /** What the browser was answered. */
  status?: number
  /** Answered, or its connection is gone. */
  over = false

  /** Which part of a file it carries, if it carries one. */
  get part(): number | undefined {
    return Number(this.url.searchParams.get('partNumber')) || undefined
  }

  /** Whose signature it has. */
  get accessKey(): string | undefined {
    return this.url.searchParams.get('X-Amz-Credential')?.split('/')[0]
  }

  constructor(client: IncomingMessage) {
    this.method = client.method ?? ''
    this.url = new URL(client.url ?? '/', `http://${client.headers.host}`)
  }
}

/** Which requests a fault is for; all of them when nothing is said. */
interface Scope {
  /** The first so many. */
  times?: number
  /** Those that come in the first so many milliseconds, counted from the first of them. */
  forMs?: number
  method?: 'PUT' | 'POST'
  /** Those that carry this part of a file. */
  part?: number
}

interface Refusal {
  status: number
  code: keyof typeof MESSAGES
}

/** S3's own words. */
const MESSAGES = {
  AccessDenied: 'Access Denied',
  ExpiredToken: 'The provided token has expired.',
  InvalidArgument: 'Invalid Argument',
  SlowDown: 'Please reduce your request rate.',
}

interface Fault extends Scope {
  answer?: Refusal
  /** Where in the body `act` happens. */
  at?: number
  act?: (rule: Rule, client: IncomingMessage) => void | Promise<void>
  onAnswer?: (rule: Rule, client: IncomingMessage) => void | Promise<void>
  flip?: number
}

/** A fault at work. */
export class Rule {
  /** The requests it was applied to. */
  readonly exchanges: Exchange[] = []
  readonly released: Promise<void>
  #release!: () => void
  #lifted = false
  #since = 0

  constructor(readonly fault: Fault) {
    this.released = new Promise(resolve => (this.#release = resolve))
  }

  /** Lets go of what is held. */
  release(): void {
    this.#release()
  }

  /** Spares later requests. */
  lift(): void {
    this.#lifted = true
  }

  takes(exchange: Exchange): boolean {
    const { times = Infinity, forMs = Infinity, method, part } = this.fault
    if (this.#lifted || this.exchanges.length >= times) return false
    if (method && method !== exchange.method) return false
    if (part && part !== exchange.part) return false
    this.#since ||= Date.now()
    if (Date.now() - this.#since > forMs) return false
    this.exchanges.push(exchange)
    return true
  }
}

interface Wait {
  what: string
  condition: () => boolean
  resolve: () => void
  reject: (error: Error) => void
}

/** `Connection` and `Keep-Alive` are between two neighbours. */
function withoutConnection(raw: string[]): string[] {
  const pairs = raw.flatMap((name, index) => (index % 2 ? [] : [[name, raw[index + 1] ?? '']]))
  return pairs.filter(([name]) => !/^(connection|keep-alive)$/i.test(name ?? '')).flat()
}

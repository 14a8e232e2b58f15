import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** How far and how wide a line is. Rates are of the way to the store, in bits, as providers sell them. */
export interface LinkSpeed {
  roundTripMs: number
  connectionMbit: number
  totalMbit: number
}

/**
 * A long line between the browser and the store: TCP connections are delayed and slowed, and their bytes never changed.
 *
 * What a sender gives is taken no faster than the line carries it, so it sees the line's speed. As on a real line, a
 * connection's first bytes are a round trip late, each direction takes half of one, and the connections share the total.
 * There is no slow start and no loss: the line is as good as its figures.
 */
export class Link {
  /** The most bytes that one direction of a connection has held. */
  maxHeld = 0
  /** Bytes that have left for the store. */
  carried = 0

  readonly #connections = new Set<Connection>()
  readonly #total: Bucket
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#accept(client))
  #timer: NodeJS.Timeout | undefined
  #wakeAt = Infinity

  private constructor(
    readonly speed: LinkSpeed,
    private readonly storePort: number,
  ) {
    this.#total = new Bucket(bytesPerMs(speed.totalMbit))
  }

  static async start(storePort: number, speed: LinkSpeed): Promise<Link> {
    const link = new Link(speed, storePort)
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Bytes on the line now, or waiting for it, on their way to the store. */
  get held(): number {
    return [...this.#connections].reduce((sum, { up }) => sum + up.held, 0)
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const { sockets } of this.#connections) sockets.forEach(socket => socket.destroy())
    await closed
  }

  #accept(client: Socket): void {
    const store = connect({ port: this.storePort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const establishedAt = performance.now() + this.speed.roundTripMs
    const window = bytesPerMs(this.speed.connectionMbit) * this.speed.roundTripMs
    const wake = () => this.#wakeBy(0)
    const connection: Connection = {
      sockets: [client, store],
      up: new Direction(client, store, bytesPerMs(this.speed.connectionMbit), window, establishedAt, wake),
      down: new Direction(store, client, Infinity, window, establishedAt, wake),
    }
    this.#connections.add(connection)
    const forget = () => client.destroyed && store.destroyed && this.#connections.delete(connection)
    for (const socket of connection.sockets) socket.once('close', forget)
  }

  /** Moves all that is due, and comes back when more is. */
  #pump(): void {
    this.#timer = undefined
    this.#wakeAt = Infinity
    const now = performance.now()
    const { roundTripMs } = this.speed
    for (let up; (up = this.#firstReady(now)); ) {
      // Counted from when it was ready, not from now: a timer that is late costs the line nothing.
      const [piece, readyAt] = up.leave()
      this.carried += piece.bytes
      up.travel(piece, this.#total.take(readyAt, piece.bytes) + roundTripMs / 2)
    }
    for (const { up, down } of this.#connections) {
      while (down.readyAt <= now) {
        const [piece, readyAt] = down.leave()
        down.travel(piece, readyAt + roundTripMs / 2)
      }
      for (const direction of [up, down]) {
        this.maxHeld = Math.max(this.maxHeld, direction.held)
        direction.arrive(now)
        this.#wakeBy(Math.min(direction.readyAt, direction.arrivesAt))
      }
    }
  }

  /** The connection whose next piece has waited for the shared part of the line the longest. */
  #firstReady(now: number): Direction | undefined {
    let first: Direction | undefined
    for (const { up } of this.#connections) {
      if (up.readyAt <= now && up.readyAt < (first?.readyAt ?? Infinity)) first = up
    }
    return first
  }

  #wakeBy(at: number): void {
    if (at >= this.#wakeAt) return
    clearTimeout(this.#timer)
    this.#wakeAt = at
    this.#timer = setTimeout(() => this.#pump(), Math.max(0, Math.ceil(at - performance.now())))
  }
}

interface Connection {
  sockets: [client: Socket, store: Socket]
  up: Direction
  down: Direction
}

/** Bytes on their way, or what ends them: the sender's last word, or a connection cut. */
type Piece = { data: Buffer; bytes: number } | { end: 'finished' | 'cut'; bytes: 0 }

/** One way of one connection: first through its own rate, then through what all share, then half a round trip. */
class Direction {
  /** Bytes taken from the sender that the receiver does not have. */
  held = 0

  readonly #waiting: [Piece, readyAt: number][] = []
  readonly #travelling: [Piece, arrivesAt: number][] = []
  readonly #bucket: Bucket
  #isOver = false

  constructor(
    private readonly sender: Socket,
    private readonly receiver: Socket,
    bytesPerMs: number,
    private readonly window: number,
    private readonly establishedAt: number,
    private readonly wake: () => void,
  ) {
    this.#bucket = new Bucket(bytesPerMs)
    sender.on('data', (data: Buffer) => this.#take(data))
    sender.once('end', () => this.#queue({ end: 'finished', bytes: 0 }))
    // `close` follows, and tells of it.
    sender.on('error', () => {})
    sender.once('close', isFailure => this.#queue({ end: isFailure ? 'cut' : 'finished', bytes: 0 }))
  }

  /** When the next piece is through this connection's own rate. */
  get readyAt(): number {
    return this.#waiting[0]?.[1] ?? Infinity
  }

  get arrivesAt(): number {
    return this.#travelling[0]?.[1] ?? Infinity
  }

  leave(): [Piece, readyAt: number] {
    return this.#waiting.shift()!
  }

  travel(piece: Piece, arrivesAt: number): void {
    this.#travelling.push([piece, arrivesAt])
  }

  /** Hands over what has arrived by `now`. */
  arrive(now: number): void {
    while (this.arrivesAt <= now) this.#hand(this.#travelling.shift()![0])
  }

  #take(data: Buffer): void {
    for (let at = 0; at < data.length; at += MAX_PIECE_BYTES) {
      const piece = data.subarray(at, at + MAX_PIECE_BYTES)
      this.#queue({ data: piece, bytes: piece.length })
    }
    if (this.held >= this.window) this.sender.pause()
  }

  #queue(piece: Piece): void {
    if (this.#isOver) return
    this.#isOver = 'end' in piece && piece.end === 'cut'
    this.held += piece.bytes
    this.#waiting.push([piece, this.#bucket.take(Math.max(performance.now(), this.establishedAt), piece.bytes)])
    this.wake()
  }

  #hand(piece: Piece): void {
    const isGone = this.receiver.destroyed
    if ('end' in piece) {
      if (!isGone && piece.end === 'cut') this.receiver.resetAndDestroy()
      else if (!isGone) this.receiver.end()
      return
    }
    const isTaken = () => {
      this.held -= piece.bytes
      if (this.held < this.window) this.sender.resume()
    }
    // A receiver that does not read fills the line, and then the sender notices.
    if (isGone) isTaken()
    else this.receiver.write(piece.data, isTaken)
  }
}

/** A token bucket, kept as the moment at which it has given out all that it had. */
class Bucket {
  #spentUntil = 0

  constructor(private readonly bytesPerMs: number) {}

  /** When `bytes` that come at `at` are through. Calls come in the order of `at`. */
  take(at: number, bytes: number): number {
    this.#spentUntil = Math.max(this.#spentUntil, at - BURST_MS) + bytes / this.bytesPerMs
    return Math.max(at, this.#spentUntil)
  }
}

/** How much of its rate an idle line saves up. */
const BURST_MS = 10

/** Small, so that connections take turns. */
const MAX_PIECE_BYTES = 8 * 1_024

function bytesPerMs(mbit: number): number {
  return (mbit * 1_000_000) / 8 / 1_000
}

import type { LinkSpeed } from '../../support/link'
import type { Memory } from './memory'

/** One client's run: what it moved, and how long that took. */
export interface Transfer {
  client: string
  bytes: number
  milliseconds: number
}

export type Row = Record<string, string>

/** Bytes, seconds and Mbit/s, and the share of what `link` carries at most. */
export function row({ client, bytes, milliseconds }: Transfer, link?: LinkSpeed): Row {
  const mbit = (bytes * 8) / (milliseconds * 1_000)
  return {
    client,
    bytes: bytes.toLocaleString('en'),
    seconds: (milliseconds / 1_000).toFixed(2),
    'Mbit/s': mbit.toFixed(1),
    ...(link && { 'share of the link': `${((100 * mbit) / link.totalMbit).toFixed(0)} %` }),
  }
}

/** What a tab's process had resident. */
export function memoryColumns(memory: Memory | undefined): Row {
  const megabytes = (bytes: number | undefined) => (bytes === undefined ? '-' : `${(bytes / 1e6).toFixed(0)} MB`)
  return {
    idle: megabytes(memory?.idle),
    peak: megabytes(memory?.peak),
    'peak over idle': megabytes(memory && memory.peak - memory.idle),
  }
}

/** The first column reads from the left, figures from the right. */
export function printTable(title: string, rows: Row[]): void {
  if (rows.length === 0) return
  const columns = Object.keys(rows[0]!)
  const lines = [Object.fromEntries(columns.map(column => [column, column])), ...rows]
  const widths = columns.map(column => Math.max(...lines.map(line => line[column]!.length)))
  console.log(`\n${title}`)
  for (const line of lines) {
    const cells = columns.map((column, index) => {
      const cell = line[column]!
      return index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)
    })
    console.log(`  ${cells.join('   ')}`)
  }
}

export function describe({ roundTripMs, connectionMbit, totalMbit }: LinkSpeed): string {
  return `${roundTripMs} ms round trip, ${connectionMbit} Mbit/s a connection, ${totalMbit} Mbit/s in all`
}

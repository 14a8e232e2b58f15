/** One way to upload, with its files picked already. */
export interface Client {
  /** Sends them, and resolves with the milliseconds that took. */
  upload(): Promise<number>
  close(): Promise<void>
}

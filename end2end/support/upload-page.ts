import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type Locator, type Page } from '@playwright/test'
import { MB, onDisk, type TestFile } from './files'

/** The upload page, in the words of a person who uses it. */
export class UploadPage {
  readonly input: Locator
  readonly folderInput: Locator
  readonly list: Locator
  readonly rows: Locator
  readonly totals: Locator
  /** What was dropped or chosen and could not be opened. */
  readonly unopened: Locator
  /** How many system files of folders are not in the list. */
  readonly leftOut: Locator

  constructor(
    readonly page: Page,
    private readonly folder: string,
  ) {
    this.input = page.getByLabel('Choose files')
    this.folderInput = page.getByLabel('Choose a folder')
    this.list = page.getByRole('list', { name: 'Files' })
    this.rows = this.list.getByRole('listitem')
    this.totals = page.getByLabel('Totals')
    const notices = page.locator('.notices')
    this.unopened = notices.getByRole('alert')
    this.leftOut = notices.getByRole('status')
  }

  /** Opens the page and waits until WASM has taken over. */
  async open(): Promise<void> {
    await this.page.goto('/')
    await this.isHydrated()
  }

  async isHydrated(): Promise<void> {
    await expect(this.page.locator('html')).toHaveAttribute('data-hydrated')
  }

  /** Picks paths, or files made up by a test. */
  async pick(files: TestFile | TestFile[] | string | string[]): Promise<void> {
    const picked = [files].flat()
    const isLarge = picked.some(file => typeof file !== 'string' && file.buffer.length >= MB)
    // Playwright hands bytes to the browser as text, which takes seconds for large files; a browser reads paths itself.
    await this.input.setInputFiles(isLarge ? await this.#pathsOf(picked as TestFile[]) : files)
  }

  /** Drops paths as a file manager does, through the browser's own drag and drop. */
  async drop(paths: string[]): Promise<void> {
    const browser = await this.page.context().newCDPSession(this.page)
    const data = { items: [], files: paths, dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await browser.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data })
    }
  }

  file(file: TestFile | string): FileRow {
    const name = typeof file === 'string' ? file : file.name
    return new FileRow(this.rows.filter({ has: this.page.locator('.name', { hasText: exactly(name) }) }), name)
  }

  /** The only row, whatever its name. */
  get only(): FileRow {
    return new FileRow(this.rows, '')
  }

  withStatus(status: Status): Locator {
    return this.list.locator(`li[data-status="${status}"]`)
  }

  button(name: 'Upload' | 'Pause all' | 'Resume all' | 'Retry all' | 'Cancel all' | 'Clear finished'): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  async set(option: 'Limit' | 'Timeout in seconds' | 'Tries after a failure', value: number): Promise<void> {
    await this.#openOptions()
    await this.page.getByLabel(option).fill(String(value))
    await this.page.getByLabel(option).blur()
  }

  async setMethod(method: 'Automatic' | 'PUT' | 'POST'): Promise<void> {
    await this.#openOptions()
    await this.page.getByLabel('Method').selectOption(method)
  }

  /** Files then wait for the Upload button. */
  async waitBeforeUploading(): Promise<void> {
    await this.#openOptions()
    await this.page.getByLabel('Start at once').uncheck()
  }

  /** Bytes are then neither read nor hashed before they are sent. */
  async withoutChecksums(): Promise<void> {
    await this.#openOptions()
    await this.page.getByLabel('Checksums').uncheck()
  }

  async #pathsOf(files: TestFile[]): Promise<string[]> {
    const folder = await mkdtemp(join(this.folder, 'picked-'))
    return Promise.all(files.map(file => onDisk(folder, file)))
  }

  async #openOptions(): Promise<void> {
    const options = this.page.locator('details', { has: this.page.getByText('Options', { exact: true }) })
    if ((await options.getAttribute('open')) === null) await options.locator('summary').click()
  }
}

export type Status =
  | 'waiting'
  | 'queued'
  | 'preparing'
  | 'verifying'
  | 'uploading'
  | 'resending'
  | 'finishing'
  | 'retrying'
  | 'offline'
  | 'paused'
  | 'interrupted'
  | 'complete'
  | 'failed'

/** One file in the list. */
export class FileRow {
  readonly name: Locator
  readonly status: Locator
  readonly progress: Locator
  readonly error: Locator
  readonly key: Locator
  readonly verified: Locator
  /** What became of an upload of before. */
  readonly resumed: Locator

  constructor(
    readonly item: Locator,
    private readonly fileName: string,
  ) {
    this.name = item.locator('.name')
    this.status = item.locator('.status')
    this.progress = item.getByRole('progressbar')
    this.error = item.getByRole('alert')
    this.key = item.locator('code.key')
    this.verified = item.locator('.verified')
    this.resumed = item.locator('.resumed')
  }

  button(verb: 'Pause' | 'Resume' | 'Go on' | 'Cancel' | 'Remove' | 'Retry'): Locator {
    return this.item.getByRole('button', { name: this.#named(verb) })
  }

  get copy(): Locator {
    return this.item.getByRole('button', { name: this.#named('Copy key of') })
  }

  get open(): Locator {
    return this.item.getByRole('link', { name: this.#named('Open') })
  }

  async is(...status: Status[]): Promise<void> {
    await expect(this.item).toHaveAttribute('data-status', new RegExp(`^(${status.join('|')})$`))
  }

  /** In the bucket; returns its key. */
  async isComplete(options?: { timeout: number }): Promise<string> {
    await expect(this.item).toHaveAttribute('data-status', 'complete', options)
    return (await this.key.innerText()).trim()
  }

  async hasFailed(message: string | RegExp): Promise<void> {
    await this.is('failed')
    await expect(this.error).toHaveText(message)
  }

  #named(verb: string): RegExp {
    return new RegExp(`^${verb} ${escape(this.fileName).replace(/\s+/g, '\\s+')}`)
  }
}

function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${escape(text)}\\s*$`)
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

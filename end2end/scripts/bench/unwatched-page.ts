import type { Browser, CDPSession } from '@playwright/test'

/**
 * A page that Playwright does not watch. Of those that it does it hears of every request, which takes the browser about a
 * second for a gigabyte in parts; and of requests whose body is not a file it gets the whole body, at a few megabytes a second.
 */
export class UnwatchedPage {
  #calls = 0

  private constructor(
    private readonly session: CDPSession,
    private readonly browserContextId: string,
    private readonly sessionId: string,
  ) {}

  /** Returns when the page has loaded. */
  static async open(browser: Browser, url: string, { bypassCSP = false } = {}): Promise<UnwatchedPage> {
    const session = await browser.newBrowserCDPSession()
    // Playwright lets go of pages in contexts that it did not make.
    const { browserContextId } = await session.send('Target.createBrowserContext', { disposeOnDetach: true })
    const { targetId } = await session.send('Target.createTarget', { url: 'about:blank', browserContextId })
    const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false })
    const page = new UnwatchedPage(session, browserContextId, sessionId)
    await page.#call('Page.setBypassCSP', { enabled: bypassCSP })
    // Answered when the new document is there.
    await page.#call('Page.navigate', { url })
    await page.evaluate(untilLoaded)
    return page
  }

  /** Calls a function in the page with arguments that JSON can carry. */
  async evaluate<T, A extends unknown[]>(inPage: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    return this.run(`(${inPage})(...${JSON.stringify(args)})`)
  }

  /** Runs a script in the page, and returns what its last expression resolves with. */
  async run<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#call<Evaluated<T>>('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  /** Picks files, as a person does in the browser's dialog. */
  async pick(selector: string, files: string[]): Promise<void> {
    const { root } = await this.#call<{ root: { nodeId: number } }>('DOM.getDocument')
    const { nodeId } = await this.#call<{ nodeId: number }>('DOM.querySelector', { nodeId: root.nodeId, selector })
    await this.#call('DOM.setFileInputFiles', { nodeId, files })
  }

  async close(): Promise<void> {
    await this.session.send('Target.disposeBrowserContext', { browserContextId: this.browserContextId })
    await this.session.detach()
  }

  async #call<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#calls
    const answer = this.#answer(id)
    await this.session.send('Target.sendMessageToTarget', {
      sessionId: this.sessionId,
      message: JSON.stringify({ id, method, params }),
    })
    const { result, error } = await answer
    if (error) throw new Error(`${method}: ${error.message}`)
    return result as T
  }

  #answer(id: number): Promise<Message> {
    return new Promise(resolve => {
      const listen = ({ sessionId, message: text }: { sessionId: string; message: string }) => {
        if (sessionId !== this.sessionId) return
        const message = JSON.parse(text) as Message
        if (message.id !== id) return
        this.session.off('Target.receivedMessageFromTarget', listen)
        resolve(message)
      }
      this.session.on('Target.receivedMessageFromTarget', listen)
    })
  }
}

/** In the page. */
async function untilLoaded(): Promise<void> {
  if (document.readyState !== 'complete') await new Promise(resolve => addEventListener('load', resolve))
}

interface Message {
  id?: number
  result?: unknown
  error?: { message: string }
}

interface Evaluated<T> {
  result: { value: T }
  exceptionDetails?: { text: string; exception?: { description?: string } }
}

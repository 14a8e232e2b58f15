import type { Page } from '@playwright/test'

/** What Chromium itself says of requests that fail or take long; tests that make them do so expect it. */
const OF_REQUESTS = /Failed to load resource|net::ERR_|blocked by CORS policy|was preloaded .* but not used/

/** Everything that a page should not say: errors, warnings, refusals of its own CSP, panics. */
export class Problems {
  readonly all: string[] = []
  readonly #expected: RegExp[] = []

  watch(page: Page): void {
    page.on('pageerror', error => this.all.push(`uncaught: ${error.message}`))
    page.on('crash', () => this.all.push('the page crashed'))
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') this.all.push(message.text())
    })
  }

  /** The page's tab is killed by the test itself. */
  expectCrash(): void {
    this.expect(/^the page crashed$/)
  }

  /** What a page that a test leads astray says of it. */
  expect(problem: RegExp): void {
    this.#expected.push(problem)
  }

  /** Without those of requests: the page's own. */
  get own(): string[] {
    return this.all.filter(problem => ![OF_REQUESTS, ...this.#expected].some(expected => expected.test(problem)))
  }
}

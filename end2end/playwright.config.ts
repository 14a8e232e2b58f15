import { defineConfig } from '@playwright/test'
import { chromium } from './support/chromium'

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  fullyParallel: true,
  forbidOnly: true,
  // A test that passes at the second try has failed.
  retries: 0,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['./support/closing-line.ts']],
  use: { launchOptions: chromium, screenshot: 'only-on-failure' },
})

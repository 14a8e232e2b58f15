import { defineConfig } from '@playwright/test'
import { chromium } from './support/chromium'

/** Not tests: what prints figures, and what takes pictures. */
export default defineConfig({
  testDir: 'scripts',
  outputDir: 'test-results',
  workers: 1,
  timeout: 600_000,
  reporter: 'list',
  use: { launchOptions: chromium },
  projects: [
    { name: 'bench', testMatch: 'bench/*.bench.ts', timeout: 1_800_000 },
    { name: 'screenshots', testMatch: 'screenshots.ts' },
  ],
})

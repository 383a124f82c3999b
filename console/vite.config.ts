import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Builds into dist/console; everything is served by the collector itself, so no request leaves the site. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: { outDir: '../dist/console', emptyOutDir: true, target: 'chrome100', chunkSizeWarningLimit: 1_200 },
})

/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/**
 * The build goes straight into the Python package, which serves it. While developing, everything that the API owns is
 * passed on to a running Triplane, with the origin rewritten because the API checks it.
 */
const api = process.env["TRIPLANE_API"] ?? "http://127.0.0.1:8000";
const paths = ["/system", "/health", "/market-rest", "/trades", "/signals", "/settings", "/api", "/ws", "/stream"];
const proxy = Object.fromEntries(
  paths.map((path) => [path, { target: api, ws: true, changeOrigin: true, headers: { origin: api } }]),
);

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy },
  preview: { host: "127.0.0.1", proxy },
  build: { outDir: "../triplane/api/static", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 600 },
  test: { include: ["tests/**/*.test.{ts,tsx}"] },
});

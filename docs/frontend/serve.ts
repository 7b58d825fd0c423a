// Serves the page, and hands `/v1` on to the API: for a browser both are one origin.
// In production the proxy in front of the platform does this (docs/operations/nginx.conf).
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";

const { API = "http://127.0.0.1:8000", PAGE_PORT = "8080", TOKEN = "" } = process.env;
const FILES: Record<string, [file: string, type: string]> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["dist/page.js", "text/javascript"],
};
// What belongs to one connection is not handed on to the next one.
const OF_THE_CONNECTION = new Set(["connection", "host", "keep-alive", "transfer-encoding"]);

async function handOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !OF_THE_CONNECTION.has(name)) headers.set(name, String(value));
  }
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const answer = await fetch(new URL(request.url ?? "/", API), {
    method: request.method ?? "GET",
    headers,
    signal: gone.signal,
    ...(hasBody ? { body: Readable.toWeb(request) as ReadableStream, duplex: "half" } : {}),
  });
  const shown = new Headers(answer.headers);
  shown.delete("content-encoding"); // fetch has unpacked it
  shown.delete("content-length");
  shown.delete("transfer-encoding");
  response.writeHead(answer.status, Object.fromEntries(shown));
  response.flushHeaders();
  for await (const part of answer.body ?? []) response.write(part);
  response.end();
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? "/", "http://page").pathname;
  if (path.startsWith("/v1/")) return handOn(request, response);
  const [file, type] = FILES[path] ?? [];
  if (!file || !type) {
    response.writeHead(404).end();
    return;
  }
  const content = await readFile(new URL(file, import.meta.url));
  response.writeHead(200, { "Content-Type": type }).end(content);
}

const server = createServer((request, response) => {
  serve(request, response).catch((problem: unknown) => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
    if (!response.destroyed) console.error(problem);
  });
});
server.listen(Number(PAGE_PORT), "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : PAGE_PORT;
  console.log(`http://127.0.0.1:${port}/#${TOKEN}`);
});

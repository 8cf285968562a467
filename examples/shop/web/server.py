"""The shop's page: asks api for the orders and shows them."""

import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("PORT", "8000"))
API_URL = os.environ.get("API_URL", "http://127.0.0.1:8001")
ROUTES = {}


def route(path):
    def register(handler):
        ROUTES[path] = handler
        return handler

    return register


def ask_api(path):
    with urllib.request.urlopen(API_URL + path, timeout=2) as answer:
        return json.load(answer)


@route("/health")
def health():
    try:
        api = ask_api("/healthz")["status"]
    except (urllib.error.URLError, OSError, ValueError):
        api = "unreachable"
    status = "healthy" if api == "healthy" else "degraded"
    return 200, "application/json", json.dumps({"status": status, "dependencies": {"api": api}})


@route("/")
def page():
    try:
        rows = ask_api("/orders")["orders"]
    except (urllib.error.URLError, OSError, ValueError):
        return 502, "text/plain", "the orders cannot be had"
    items = "".join(f"<li>{row['quantity']} x {row['item']}</li>" for row in rows)
    return 200, "text/html", f"<!doctype html><title>Shop</title><ul>{items}</ul>"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        handler = ROUTES.get(self.path)
        status, kind, text = handler() if handler else (404, "text/plain", "no such page")
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    print(f"web listens on {PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

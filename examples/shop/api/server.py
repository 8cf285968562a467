"""The shop's orders: a small HTTP service with nothing but the standard library."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("PORT", "8001"))
ORDERS = [{"id": 1, "item": "tea", "quantity": 2}]
ROUTES = {}


def route(path):
    def register(handler):
        ROUTES[path] = handler
        return handler

    return register


@route("/healthz")
def health():
    return {"status": "healthy"}


@route("/orders")
def orders():
    return {"orders": ORDERS}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        handler = ROUTES.get(self.path)
        body = handler() if handler else {"error": "no such page"}
        data = json.dumps(body).encode()
        self.send_response(200 if handler else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    print(f"api listens on {PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

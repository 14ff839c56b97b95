#!/usr/bin/env python3
"""s3front.py PORT BACKEND_PORT - what today's object stores do and Swift does not:
If-None-Match: * on PUT creates a name or answers 412, one request at a time.  All else
goes through as it came; signatures hold, since the Host header is the client's."""

import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, backend = int(sys.argv[1]), int(sys.argv[2])
lock = threading.Lock()
made = set()
TAKEN = (b'<?xml version="1.0"?><Error><Code>PreconditionFailed</Code>'
         b"<Message>the name is there</Message></Error>")


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length",
                                    "date", "server"):
                self.send_header(name, value)
        length = len(body)
        if self.command == "HEAD":
            length = dict((n.lower(), v) for n, v in headers).get("content-length", 0)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self, body, leave_out=()):
        link = http.client.HTTPConnection("127.0.0.1", backend, timeout=60)
        link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in leave_out and name.lower() != "expect":
                link.putheader(name, value)
        link.endheaders(body)
        reply = link.getresponse()
        data = reply.read()
        link.close()
        return reply.status, reply.getheaders(), data

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.split("?")[0]
        if self.command == "PUT" and self.headers.get("If-None-Match") == "*":
            with lock:
                if name in made:
                    self.answer(412, [("Content-Type", "application/xml")], TAKEN)
                    return
                status, headers, data = self.forward(body, ("if-none-match",))
                if status // 100 == 2:
                    made.add(name)
        else:
            status, headers, data = self.forward(body, ("if-none-match",))
            if self.command == "PUT" and status // 100 == 2:
                made.add(name)
        self.answer(status, headers, data)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on


ThreadingHTTPServer(("127.0.0.1", port), Front).serve_forever()

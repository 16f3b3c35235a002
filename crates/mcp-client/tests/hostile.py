#!/usr/bin/env python3
"""An MCP server that misbehaves as it is told to, in JSON-RPC written by hand.

Flags decide how it behaves as a whole; tools misbehave when they are called.
"""

import argparse
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

flags = argparse.ArgumentParser()
flags.add_argument("--era", choices=["legacy", "modern", "silent", "picky"], default="legacy")
flags.add_argument("--slow-start", type=float, default=0)
flags.add_argument("--fail-start", action="store_true")
flags.add_argument("--count-starts")
flags.add_argument("--ignore-term", action="store_true")
flags.add_argument("--ignore-eof", action="store_true")
flags.add_argument("--fork-at-start", action="store_true")
flags.add_argument("--pages", choices=["three", "forever", "repeat"])
flags.add_argument("--odd-tools", action="store_true")
flags.add_argument("--broken-resources", action="store_true")
flags.add_argument("--http", action="store_true")
flags.add_argument("--elsewhere")
flags.add_argument("--port", type=int, default=0)
flags = flags.parse_args()

out = sys.stdout.buffer
cancelled = []
extra_tools = []
echo_description = "Says it again"
calls = 0
listening = None


def tool(name, **more):
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def tools():
    names = ["hang", "big", "noise", "flood", "garbage", "exit", "fork", "pid", "environment", "cancelled",
             "stderr", "input", "refuse", "deep", "odd", "change", "grow", "record", "stop_reading", "wait"]
    listed = [tool("echo", description=echo_description)] + [tool(name) for name in names]
    if flags.odd_tools:
        listed += [{"name": "no_schema"}, {"name": "true_schema", "inputSchema": True}, {"title": "nameless"}, 7,
                   {"name": "bad_schema", "inputSchema": {"type": 12}}, tool("bad output", outputSchema="text")]
    return listed + extra_tools


def write(line):
    out.write(line + b"\n")
    out.flush()


def send(message):
    write(json.dumps({"jsonrpc": "2.0", **message}).encode())


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


def sleeper(**how):
    command = [sys.executable, "-c", "import time\nwhile True: time.sleep(60)"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **how).pid


def tell_of_change():
    if flags.era != "modern":
        send({"method": "notifications/tools/list_changed"})
    elif listening is not None:
        meta = {"io.modelcontextprotocol/subscriptionId": listening}
        send({"method": "notifications/tools/list_changed", "params": {"_meta": meta}})


class Fault(Exception):
    def __init__(self, code, message):
        self.code = code
        self.message = message


def call(request_id, name, arguments):
    """The result of a tool, or None where there is no answer."""
    global echo_description, calls
    calls += 1
    if name == "echo":
        return text(arguments["text"])
    if name == "hang":
        return None
    if name == "wait":
        open(arguments["begun"], "w").close()
        while not os.path.exists(arguments["until"]):
            time.sleep(0.02)
        return text("waited")
    if name == "stop_reading":
        send({"id": request_id, "result": text("no more")})
        while True:
            time.sleep(60)
    if name == "big":
        filler = b"x" * arguments["bytes"]
        result = b'{"content":[{"type":"text","text":"' + filler + b'"}]}'
        if arguments.get("id_first"):
            write(b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (request_id, result))
        else:
            write(b'{"result":%b,"jsonrpc":"2.0","id":%d}' % (result, request_id))
        return None
    if name == "noise":
        for number in range(arguments["lines"]):
            write(b"progress: %d" % number)
        return text("done")
    if name == "flood":
        while True:
            write(b"noise " * 10_000)
    if name == "garbage":
        for line in [b'{"jsonrpc":"2.0","id":', b"\xff\xfe\x00", b"[]", b"{}", b'{"id":987654,"result":{}}', b""]:
            write(line)
        return text("done")
    if name == "exit":
        os._exit(arguments.get("code", 3))
    if name == "fork":
        return text(json.dumps([sleeper(), sleeper(start_new_session=True)]))
    if name == "pid":
        return text(str(os.getpid()))
    if name == "environment":
        return text(json.dumps(dict(os.environ)))
    if name == "cancelled":
        return text(json.dumps(cancelled))
    if name == "stderr":
        print(arguments["text"], file=sys.stderr, flush=True)
        return text("done")
    if name == "input":
        return {"resultType": "input_required", "inputRequests": {}}
    if name == "refuse":
        raise Fault(arguments["code"], "no, thank you")
    if name == "deep":
        write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":%b%b}}' % (request_id, b"[" * 5000, b"]" * 5000))
        return None
    if name == "odd":
        return {"content": [{"type": "hologram", "x": [1, None]}], "structuredContent": None, "isError": True}
    if name == "change":
        echo_description = "Says something else"
        tell_of_change()
        return text("done")
    if name == "grow":
        extra_tools.append(tool("new_%d" % len(extra_tools)))
        for _ in range(100):
            tell_of_change()
        return text("done")
    if name == "record":
        with open(arguments["file"], "a") as file:
            file.write("called\n")
        os._exit(0)
    raise Fault(-32602, "Unknown tool: " + name)


def listed(cursor):
    """A page of tools."""
    if flags.pages is None:
        return {"tools": tools()}
    if flags.pages == "three":
        following = {None: "", "": "last", "last": None}
        if cursor not in following:
            raise Fault(-32602, "bad cursor")
        page = {"tools": [tool("page_%s" % cursor)]}
        if following[cursor] is not None:
            page["nextCursor"] = following[cursor]
        return page
    if flags.pages == "repeat":
        return {"tools": [tool("again")], "nextCursor": "same"}
    number = int(cursor or 0)
    return {"tools": [tool("endless_%d_%d" % (number, item)) for item in range(100)], "nextCursor": str(number + 1)}


def read(uri):
    if uri == "test://text":
        return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": "caf\u00e9"}]}
    if uri == "test://both":
        blob = base64.b64encode(bytes([0, 255])).decode()
        return {"contents": [{"uri": uri + "/1", "text": ""}, {"uri": uri + "/2", "blob": blob}]}
    raise Fault(-32602 if flags.era == "modern" else -32002, "Resource not found")


ABOUT = {"capabilities": {"tools": {"listChanged": True}, "resources": {}}, "instructions": "Take care."}
IMPLEMENTATION = {"name": "hostile", "version": "1"}


def answer(request_id, method, params):
    if method == "server/discover":
        if flags.era == "modern":
            return {"resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
                    "_meta": {"io.modelcontextprotocol/serverInfo": IMPLEMENTATION}, **ABOUT}
        if flags.era == "silent":
            return None
        if flags.era == "picky":
            os._exit(4)
    if method == "subscriptions/listen" and flags.era == "modern":
        global listening
        listening = request_id
        meta = {"io.modelcontextprotocol/subscriptionId": request_id}
        accepted = {"_meta": meta, "notifications": {"toolsListChanged": True}}
        send({"method": "notifications/subscriptions/acknowledged", "params": accepted})
        return None
    if method == "initialize" and flags.era != "modern":
        return {"protocolVersion": "2025-11-25", "serverInfo": IMPLEMENTATION, **ABOUT}
    if method == "ping" and flags.era != "modern":
        return {}
    if method == "tools/list":
        return listed(params.get("cursor"))
    if method == "tools/call":
        return call(request_id, params["name"], params.get("arguments") or {})
    if method == "resources/list":
        if flags.broken_resources:
            raise Fault(-32603, "broken")
        return {"resources": [{"uri": "test://text", "name": "text"}]}
    if method == "resources/templates/list":
        return {"resourceTemplates": [{"uriTemplate": "test://{word}", "name": "words"}]}
    if method == "resources/read":
        return read(params["uri"])
    raise Fault(-32601, "Method not found")


def reply(message):
    """The answer to a message, or None."""
    method, request_id = message.get("method"), message.get("id")
    if method == "notifications/cancelled":
        cancelled.append(message["params"]["requestId"])
    if method is None or request_id is None:
        return None
    try:
        result = answer(request_id, method, message.get("params") or {})
    except Fault as fault:
        return {"id": request_id, "error": {"code": fault.code, "message": fault.message}}
    if result is None:
        return None
    if flags.era == "modern":
        result = {"resultType": "complete", **result}
    return {"id": request_id, "result": result}


def serve_stdio():
    while True:
        for line in sys.stdin.buffer:
            answered = reply(json.loads(line))
            if answered is not None:
                send(answered)
        if not flags.ignore_eof:
            return
        time.sleep(60)


class Handler(BaseHTTPRequestHandler):
    """Streamable HTTP of the older era, with sessions."""

    protocol_version = "HTTP/1.1"
    sessions = set()
    seen = []
    posts = 0

    def log_message(self, *_):
        pass

    def end(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.end(405)

    def do_DELETE(self):
        Handler.sessions.discard(self.headers.get("Mcp-Session-Id"))
        self.end(200)

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/near":
            return self.end(307, Location="/mcp")
        if self.path == "/far":
            return self.end(307, Location=flags.elsewhere or "http://localhost:9/mcp")
        method, params = message.get("method"), message.get("params") or {}
        if method == "server/discover":
            return self.end(400, b"Bad Request: no session", Content_Type="text/plain")
        if method == "initialize":
            session = "session-%d" % (len(Handler.seen) + 1)
            Handler.sessions.add(session)
            Handler.seen.append(session)
            return self.json(reply(message), Mcp_Session_Id=session)
        if self.headers.get("Mcp-Session-Id") not in Handler.sessions:
            return self.end(404)
        if method == "tools/call":
            name, arguments = params["name"], params.get("arguments") or {}
            if name == "headers":
                return self.json({"id": message["id"], "result": text(json.dumps(dict(self.headers.items())))})
            if name == "forget":
                Handler.sessions.clear()
                return self.json({"id": message["id"], "result": text("forgotten")})
            if name == "sessions":
                return self.json({"id": message["id"], "result": text(json.dumps(Handler.seen))})
            if name == "status":
                return self.end(arguments["status"])
            if name == "cut":
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
            if name == "stream":
                data = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": text("x" * arguments["bytes"])})
                body = ("event: message\ndata: %s\n\n" % data).encode()
                return self.end(200, body, Content_Type="text/event-stream")
            if name == "big":
                body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": text("x" * arguments["bytes"])})
                return self.end(200, body.encode(), Content_Type="application/json")
            if name == "hang":
                threading.Event().wait(600)
        answered = reply(message)
        return self.end(202) if answered is None else self.json(answered)

    def json(self, message, **headers):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.end(200, body, Content_Type="application/json", **headers)


def main():
    if flags.count_starts:
        with open(flags.count_starts, "a") as file:
            file.write("started\n")
    if flags.fail_start:
        print("can't start", file=sys.stderr)
        sys.exit(7)
    if flags.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if flags.fork_at_start:
        sleeper()
        sleeper(start_new_session=True)
    time.sleep(flags.slow_start)
    if flags.http:
        server = ThreadingHTTPServer(("127.0.0.1", flags.port), Handler)
        write(str(server.server_address[1]).encode())
        server.serve_forever()
    serve_stdio()


main()

"""Servers on this machine that speak the wire formats of Google Cloud Translate v3."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ner_engine.translation.words import WordTranslator

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class TranslateServer:
    """Translates word by word; *failures* are the statuses of its first answers.

    Status 0 is a connection that breaks off. Failures quote the text, as services do:
    our errors must not. It holds the limits of the service, refuses texts with
    *refuses*, and drops the last text of an answer where *drops* is true.
    """

    def __init__(self, *, failures=(), message="failed", refuses=None, drops=False):
        self.failures = list(failures)
        self.message = message
        self.refuses = refuses
        self.drops = drops
        self.requests: list[dict] = []
        self.paths: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                status, answer = server.answer(self.path, body)
                if status == 0:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path, body):
        contents = body["contents"]
        self.requests.append(body)
        self.paths.append(path.partition("?")[0])
        if self.failures:
            status = self.failures.pop(0)
            if status:
                return status, self._error(status, f"{self.message}: {contents}")
            return 0, None
        if len(contents) > 1024 or sum(map(len, contents)) >= 30_000:
            return 400, self._error(400, "too much")
        if self.refuses and any(self.refuses in text for text in contents):
            return 400, self._error(400, f"cannot translate {contents}")
        translated = WordTranslator().translate(contents)
        rows = [{"translatedText": text} for text in translated]
        if self.drops:
            rows = rows[:-1]
        answer = {"translations": rows}
        if "glossaryConfig" in body:
            answer["glossaryTranslations"] = [
                {"translatedText": row["translatedText"].upper()} for row in rows
            ]
        return 200, answer

    def _error(self, status, message):
        return {
            "error": {"code": status, "message": message, "status": STATUSES[status]}
        }


class GrpcTranslateServer:
    """The same service by gRPC; *failures* are names of its first status codes."""

    def __init__(self, *, failures=()):
        import grpc
        from google.cloud.translate_v3 import (
            TranslateTextRequest,
            TranslateTextResponse,
        )

        self.failures = list(failures)
        self.requests: list[TranslateTextRequest] = []

        def translate(request, context):
            if self.failures:
                code = getattr(grpc.StatusCode, self.failures.pop(0))
                context.abort(code, f"failed: {request.contents}")
            self.requests.append(request)
            texts = WordTranslator().translate(request.contents)
            rows = [{"translated_text": text} for text in texts]
            return TranslateTextResponse(translations=rows)

        handler = grpc.unary_unary_rpc_method_handler(
            translate,
            request_deserializer=TranslateTextRequest.deserialize,
            response_serializer=TranslateTextResponse.serialize,
        )
        service = "google.cloud.translation.v3.TranslationService"
        self._server = grpc.server(ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(service, {"TranslateText": handler})]
        )
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(None).wait()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._port}"

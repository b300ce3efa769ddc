"""An embedded chain behind a URL, as a node would answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from eth_tester.exceptions import TransactionFailed
from web3.datastructures import NamedElementOnion

from offchain.settlement.l1 import MAX_TRANSACTION_GAS
from offchain.settlement.local_chain import LocalChain

REVERTED = 3


@contextmanager
def served(chain: LocalChain) -> Iterator[str]:
    """Answer JSON-RPC until the block ends; yields the URL."""
    provider = chain.web3.provider
    answer = provider.request_func(chain.web3, NamedElementOnion([]))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            method, params = request["method"], request["params"]
            try:
                if method == "eth_estimateGas":  # the chain's own search runs a call many times
                    answer("eth_call", [params[0], "latest"])
                    response = {"result": hex(MAX_TRANSACTION_GAS)}
                else:
                    response = answer(method, params)
            except TransactionFailed as error:
                message = f"execution reverted: {error.args[0]}"
                response = {"error": {"code": REVERTED, "message": message, "data": "0x"}}
            body = json.dumps({**response, "jsonrpc": "2.0", "id": request["id"]}, default=_plain)
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _plain(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else dict(value)

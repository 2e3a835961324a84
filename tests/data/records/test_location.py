"""Records on a web server; tensorflow-io reads them, and where it is not installed there is nothing to test."""

import functools
import http.server
import threading

import numpy as np
import pytest

from tfsep.data.records.index import check_hashes, read_index
from tfsep.data.records.location import check_location
from tfsep.errors import DataError


class Ranges(http.server.SimpleHTTPRequestHandler):
    """A file server that answers requests for a part of a file, as web servers do and Python's own does not."""

    def do_GET(self):
        try:
            with open(self.translate_path(self.path), "rb") as file:
                content = file.read()
        except OSError:
            return self.send_error(404)
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1 if last else len(content)]
        self.send_response(206 if part else 416)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def serve():
    """Return a function that serves a folder and returns its address."""
    pytest.importorskip("tensorflow_io")
    servers = []

    def start(folder) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Ranges, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_server_gives_the_same_batches_as_a_folder(pack, open_records, serve):
    folder, _ = pack()
    address = serve(folder)
    served, local = open_records(address + "/"), open_records(folder)
    for index in (0, 9):
        np.testing.assert_array_equal(served.batch(index, 4)[0], local.batch(index, 4)[0])


def test_what_a_server_can_do_wrong(pack, open_records, serve, tmp_path):
    folder, index = pack()
    address = serve(tmp_path)
    with pytest.raises(DataError, match=r"holds no records \(index\.json is missing\)"):
        open_records(address)
    bad = folder / index.shards[1].file
    bad.write_bytes(bad.read_bytes()[:-9])
    records = check_location(f"{address}/{folder.name}")
    with pytest.raises(DataError, match=rf"{bad.name}: damaged or of other records"):
        open_records(records, window_mb=100).batch(0, 4)
    bad.unlink()
    with pytest.raises(DataError, match=rf"{bad.name}: the index names this shard, but it is missing"):
        list(check_hashes(records, read_index(records).shards))
    with pytest.raises(DataError, match=r"the server cannot be read \(.*\): check the address"):
        open_records("http://127.0.0.1:9")

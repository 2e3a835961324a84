"""A chief that hands out trials and workers that train them, over KerasTuner's own protocol.

KerasTuner's chief waits without end for a worker that has gone, and its workers for an hour for a chief that has. Here each worker
says every few seconds that it is alive, by a request that the protocol has (`GetSpace`) with its name in the metadata, and either
side gives up after `patience_s`.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.distribute.oracle_client import OracleClient

from tfsep.errors import TfsepError, UsageError

from .oracles import SearchOracle

TUNER_ID, ORACLE_IP, ORACLE_PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"
CHIEF_ID = "chief"
_NAME = "tuner-id"  # in a request's metadata
_BEATS = 4  # a worker's signs of life within `patience_s`
_THREADS = 8  # of the chief: signs of life must not wait for a trial that is being drawn
_PAUSE_S = 0.5


@dataclass(frozen=True)
class Address:
    """Where the chief listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `HOST:PORT`. Raises: UsageError."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise UsageError(f"{text!r}: use HOST:PORT, such as 10.0.0.5:8801")
        return cls(host, int(port))

    @classmethod
    def from_environment(cls) -> "Address | None":
        """Return what KerasTuner's variables say, None if they say nothing. Raises: UsageError for one without the other."""
        host, port = os.environ.get(ORACLE_IP), os.environ.get(ORACLE_PORT)
        if (host is None) != (port is None):
            raise UsageError(f"{ORACLE_IP} and {ORACLE_PORT}: set both, or name the chief on the command line")
        return cls.parse(f"{host}:{port}") if host else None

    def announce(self, tuner_id: str) -> None:
        """Set KerasTuner's variables, by which it knows what this process is."""
        os.environ.update({TUNER_ID: tuner_id, ORACLE_IP: self.host, ORACLE_PORT: str(self.port)})


# --- the chief ----------------------------------------------------------------------------------------------------------------


class _Servicer(OracleServicer):
    """Answers workers, and notes when each was last heard of."""

    def __init__(self, oracle: SearchOracle):
        super().__init__(oracle)
        self.heard_s: dict[str, float] = {}
        self.last_s = time.monotonic()
        self.error: Exception | None = None

    def _answer(self, method: Callable, request: Any, context: grpc.ServicerContext) -> Any:
        name = dict(context.invocation_metadata()).get(_NAME)
        self.last_s = time.monotonic()
        if name:
            self.heard_s[name] = self.last_s
        try:
            return method(request, context)
        except Exception as error:  # KerasTuner's lock stays closed then: the chief must end, and does in `serve`
            self.error = error
            raise

    def GetSpace(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._answer(super().GetSpace, request, context)

    def CreateTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._answer(super().CreateTrial, request, context)

    def UpdateTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._answer(super().UpdateTrial, request, context)

    def EndTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._answer(super().EndTrial, request, context)


def serve(
    oracle: SearchOracle,
    out: Path,
    address: Address,
    *,
    patience_s: float,
    tell: Callable[[str], None],
    tick: Callable[[], None],
) -> None:
    """Hand out trials until all are done and the workers have been told so.

    Args:
        out: the folder of the search; opened when the address is this chief's, so that a second one leaves it alone.
        patience_s: after which a silent worker is lost, and its trial given to another; ten times as long without any worker
            ends the chief.
        tell: shows a line.
        tick: called about twice a second.
    Raises: TfsepError if the address cannot be listened on, or if no worker is left; the trials that are done stay, and the same
        command goes on with the others; as `SearchOracle.open`.
    """
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
    servicer = _Servicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(str(address))
    except RuntimeError:
        raise UsageError(f"{address}: cannot be listened on, another program may: choose an address of this machine") from None
    oracle.open(out)
    server.start()
    tell(f"listening on {address}; workers: tfsep-tune worker --chief {address} --out ...")
    try:
        while True:
            time.sleep(_PAUSE_S)
            tick()
            if servicer.error is not None:
                raise TfsepError(f"the chief failed: {servicer.error}; the same command goes on with what is done")
            now_s = time.monotonic()
            for name in sorted(name for name, heard_s in servicer.heard_s.items() if now_s - heard_s > patience_s):
                del servicer.heard_s[name]
                if name in oracle.tuner_ids:
                    tell(f"worker {name} is lost: no sign of life for {patience_s:.0f} s; its trial goes to another")
                    oracle.lose_worker(name, f"worker {name} gave no sign of life")
            if servicer.stop_triggered and not oracle.ongoing_trials and not oracle.tuner_ids:
                return
            if not oracle.tuner_ids and now_s - servicer.last_s > 10 * patience_s:
                raise TfsepError(
                    f"no worker for {10 * patience_s:.0f} s, {len(oracle.end_order)} trials are done: start workers, and the "
                    "chief again with the same --out"
                )
    finally:
        server.stop(grace=_PAUSE_S).wait()


# --- a worker -----------------------------------------------------------------------------------------------------------------


class _BoundedStub:
    """KerasTuner's requests, which wait for an absent chief no longer than `patience_s`, and say who asks."""

    def __init__(self, stub: Any, patience_s: float, name: str):
        self._stub, self._patience_s, self._metadata = stub, patience_s, ((_NAME, name),)

    def __getattr__(self, method: str) -> Callable:
        call = getattr(self._stub, method)

        def bounded(request: Any, **_: Any) -> Any:
            return call(request, wait_for_ready=True, timeout=self._patience_s, metadata=self._metadata)

        return bounded


class WorkerOracle(OracleClient):
    """A worker's view of the chief's oracle.

    Args:
        oracle: of the same settings; what is asked of it is the objective only.
        address: of the chief.
        patience_s: after which a chief that does not answer has gone.
    """

    def __init__(self, oracle: SearchOracle, address: Address, patience_s: float):
        super().__init__(oracle)
        self._address, self._patience_s = address, patience_s
        self.stub = _BoundedStub(self.stub, patience_s, self.tuner_id)

    def create_trial(self, tuner_id: str) -> Any:
        """Return the next trial; rest a little where there is none for the moment, as the tuner asks again at once."""
        trial = super().create_trial(tuner_id)
        if trial.status == "IDLE":
            time.sleep(_PAUSE_S)
        return trial

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Check that the chief is there and searches the same space, and give signs of life meanwhile.

        Raises: TfsepError for a chief that does not answer, or has another space.
        """
        with answered_by(self._address, self._patience_s):
            space = self.get_space()
            if space.get_config()["space"] != self._oracle.get_space().get_config()["space"]:
                raise UsageError(f"{self._address}: this chief searches another space: name the --out of its search")
            done = threading.Event()
            beating = threading.Thread(target=self._beat, args=(done,), name="signs of life", daemon=True)
            beating.start()
            try:
                yield
            finally:
                done.set()
                beating.join()

    def _beat(self, done: threading.Event) -> None:
        request = protos.get_service().GetSpaceRequest()
        while not done.wait(self._patience_s / _BEATS):
            try:
                self.stub.GetSpace(request)
            except grpc.RpcError:  # the next result that is handed back will tell
                continue


@contextmanager
def answered_by(address: Address, patience_s: float) -> Iterator[None]:
    """Turn a chief's silence into an error that a person can act on."""
    try:
        yield
    except grpc.RpcError as error:
        code = error.code()
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            what = f"did not answer within {patience_s:.0f} s"
        else:
            what = f"cannot be asked ({code.name.lower()}: {error.details()})"
        raise TfsepError(
            f"the chief at {address} {what}: is it running, and can this machine reach that address? What was finished is kept"
        ) from None

"""The other side of `separation_speed.py`: separates with one peer, in the Python environment where the peers are installed.

Started as `PYTHON peer_worker.py PEER THREADS SONG.npy`. Each line read from standard input asks for one separation; each is answered by
one line of JSON on standard output. The first line written, before any is read, describes the peer.
"""

import json
import random
import sys
import time
import types
from collections.abc import Callable
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

SOURCES = ["drums", "bass", "other", "vocals"]
WARM_UP_SAMPLES = 10 * 44_100

Separate = Callable[[torch.Tensor], torch.Tensor]  # (channels, samples) to (stems, channels, samples)


def htdemucs() -> tuple[torch.nn.Module, Separate, str]:
    from demucs.apply import apply_model
    from demucs.htdemucs import HTDemucs

    # Where the published model `htdemucs` (955717e8) differs from the class's defaults: demucs/grids/mmi.py of the package, and the
    # segment of 7.8 s. It has 41,984,456 parameters, as this has.
    model = HTDemucs(SOURCES, bottom_channels=512, t_layers=5, dconv_mode=3, segment=Fraction(39, 5)).eval()

    def separate(song: torch.Tensor) -> torch.Tensor:
        return apply_model(model, song[None], shifts=1, split=True, overlap=0.25)[0]  # as its command line does it

    return model, separate, f"demucs {version('demucs')}, htdemucs, shifts=1, split, overlap=0.25 (its command line's defaults)"


def openunmix(name: str) -> tuple[torch.nn.Module, Separate, str]:
    # openunmix imports torchaudio for reading files and for resampling, neither of which happens here. An empty module in its
    # place makes that sure (any use raises AttributeError), and works where torchaudio has no build for this torch.
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    import openunmix as package

    model = getattr(package, name)(pretrained=False)
    model.freeze()

    def separate(song: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return model(song[None])[0]

    return model, separate, f"openunmix {version('openunmix')}, {name}, niter=1 (its default), torchaudio not used"


PEERS = {"htdemucs": htdemucs, "umxl": lambda: openunmix("umxl"), "umxhq": lambda: openunmix("umxhq")}


def main(peer: str, threads: str, song_file: str) -> None:
    torch.set_num_threads(int(threads))
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    random.seed(0)  # demucs draws its shift from it
    model, separate, described = PEERS[peer]()
    song = torch.from_numpy(np.load(song_file))
    separate(song[:, :WARM_UP_SAMPLES])
    answer(about=f"{described}, torch {torch.__version__}", parameters=sum(p.numel() for p in model.parameters()))
    for _ in sys.stdin:
        start_s = time.perf_counter()
        stems = separate(song)
        spent_s = time.perf_counter() - start_s
        if stems.shape != (4, *song.shape) or not bool(torch.isfinite(stems).all()):
            raise SystemExit(f"{peer}: gave {tuple(stems.shape)}, finite {bool(torch.isfinite(stems).all())}")
        answer(seconds=spent_s)


def answer(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`tfsep-tune`: search for architectures, alone or with many machines, and report what was found."""

import argparse
import os
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.cli.outcome import exit_code
from tfsep.errors import MissingExtraError, TrainingError, UsageError

from .constraints import BYTES_PER_PARAMETER
from .settings import GENERAL, TUNERS

if TYPE_CHECKING:
    from .settings import SearchSettings

UNPAIRED = {"mixtures": "--unpaired-mix", "targets": "--unpaired-drums", "rests": "--unpaired-rest"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `tfsep-tune`."""
    parser = argparse.ArgumentParser(prog="tfsep-tune", description=__doc__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    search = commands.add_parser("search", help="search on this machine; a folder that holds a search is gone on with")
    _add_search(search)
    search.set_defaults(run=_search)
    chief = commands.add_parser("chief", help="hand out the trials of a search to workers")
    _add_search(chief)
    chief.add_argument("--listen", metavar="HOST:PORT", help="(default: from KERASTUNER_ORACLE_IP and _PORT)")
    chief.set_defaults(run=_chief)
    worker = commands.add_parser("worker", help="train trials that a chief hands out")
    worker.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="the folder of the chief's search, shared with it"
    )
    worker.add_argument("--chief", metavar="HOST:PORT", help="(default: from KERASTUNER_ORACLE_IP and _PORT)")
    worker.add_argument("--name", help="of its own (default: KERASTUNER_TUNER_ID, else host and process)")
    worker.set_defaults(run=_worker)
    report = commands.add_parser("report", help="write report.md and report.html of a search")
    report.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder of the search")
    report.set_defaults(run=_report)
    presets = commands.add_parser("list", help="list what searches have found, by genre")
    presets.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="of presets (default: those that ship)")
    presets.set_defaults(run=_list)
    return parser


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--genre", default=GENERAL, metavar="F", help="family of the songs to use (default: all songs)")
    parser.add_argument(
        "--data", required=True, nargs="+", metavar="[KIND:]DIR[@WEIGHT]", help="as `tfsep train --data` takes it"
    )
    parser.add_argument("--validation", required=True, nargs="+", metavar="DIR", help="folders of songs to score")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--tuner", choices=TUNERS, default="hyperband", help="(default: %(default)s)")
    parser.add_argument(
        "--space", default="full", metavar="S", help="full, small or tiny, or a .json file (default: %(default)s)"
    )
    parser.add_argument("--preset", help="what is not searched: stems, sample rate, length of training (default: default)")
    parser.add_argument("--config", type=Path, metavar="FILE.json", help="a training configuration instead of --preset")
    parser.add_argument("--trials", type=int, default=100, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument("--budget", metavar="T", help="of the whole search, such as 8h or 90m")
    parser.add_argument("--trial-time", metavar="T", help="of one trial, after which it is scored as it is")
    parser.add_argument(
        "--steps", type=int, default=400, metavar="N", help="of a trial, at the base's batch (default: %(default)s)"
    )
    parser.add_argument("--max-cost", metavar="N", help="multiply-adds for a second of audio, such as 2G")
    parser.add_argument("--max-parameters", metavar="N", help="such as 3M")
    parser.add_argument("--max-size", type=float, metavar="MB", help="of the exported file, from its parameters")
    parser.add_argument("--size-as", choices=tuple(BYTES_PER_PARAMETER), default="int8", help="(default: %(default)s)")
    parser.add_argument(
        "--price",
        type=float,
        default=0.25,
        metavar="DB",
        help="what a doubling of the cost must bring (default: %(default)s dB)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="K", help="(default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: ~/.cache/tfsep)")
    parser.add_argument("--patience", default="60s", metavar="T", help="after which a silent worker or chief is lost")
    parser.add_argument("--init", metavar="BUNDLE", help="for --adversarial: the model that trials start from")
    parser.add_argument(
        "--adversarial",
        nargs="?",
        const="modern",
        metavar="PRESET",
        help="search the weights of stage 2 for the model of --init",
    )
    for role, option in UNPAIRED.items():
        parser.add_argument(option, nargs="+", default=[], dest=role, metavar="DIR[@WEIGHT]", help="as `tfsep train` takes it")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns: 0 when all went well, 1 when something failed, 2 when the command line cannot be followed, 130 after Ctrl-C.
    """
    args = build_parser().parse_args(argv)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return exit_code(
        lambda: args.run(args),
        program="tfsep-tune",
        debug=args.debug,
        kept="what was finished is kept, the same command goes on",
    )


# --- commands -----------------------------------------------------------------------------------------------------------------


def _search(args: argparse.Namespace) -> int:
    _check_installed()
    from .hypermodel import SeparationHyperModel
    from .search import make_oracle, run_alone
    from .settings import keep_settings
    from .watch import HParamsLog, Watch, console

    settings = settings_of(args)
    trainer = SeparationHyperModel(settings)
    resumed = keep_settings(args.out, settings)
    watch, log = Watch(console()), HParamsLog(args.out)
    oracle = make_oracle(settings, trainer.faults, on_change=lambda trial: (watch(trial), log(trial)))
    with watch:
        watch.look_at(oracle)
        if resumed:
            watch.tell(f"going on with the search in {args.out}")
        run_alone(oracle, trainer, settings, args.out)
    return _finish(args.out, settings, oracle.stop_reason)


def _chief(args: argparse.Namespace) -> int:
    _check_installed()
    from .distributed import Address
    from .hypermodel import SeparationHyperModel
    from .search import make_oracle, run_chief
    from .settings import keep_settings
    from .watch import HParamsLog, Watch, console

    address = Address.parse(args.listen) if args.listen else Address.from_environment()
    if address is None:
        raise UsageError("--listen is missing: name the HOST:PORT that workers reach, or set KERASTUNER_ORACLE_IP and _PORT")
    settings = settings_of(args)
    trainer = SeparationHyperModel(settings)
    keep_settings(args.out, settings)
    watch, log = Watch(console()), HParamsLog(args.out)
    oracle = make_oracle(settings, trainer.faults, on_change=lambda trial: (watch(trial), log(trial)))
    with watch:
        watch.look_at(oracle)
        run_chief(oracle, settings, args.out, address, tell=watch.tell)
    return _finish(args.out, settings, oracle.stop_reason)


def _worker(args: argparse.Namespace) -> int:
    _check_installed()
    from .distributed import CHIEF_ID, TUNER_ID, Address
    from .settings import read_settings

    address = Address.parse(args.chief) if args.chief else Address.from_environment()
    if address is None:
        raise UsageError("--chief is missing: name its HOST:PORT, or set KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT")
    name = args.name or os.environ.get(TUNER_ID) or f"{socket.gethostname()}-{os.getpid()}"
    if CHIEF_ID in name:
        raise UsageError(f"--name {name}: KerasTuner takes names with {CHIEF_ID!r} for the chief's: use another")
    settings = read_settings(args.out)
    from .hypermodel import SeparationHyperModel
    from .search import run_worker

    run_worker(SeparationHyperModel(settings), settings, args.out, address, name)
    print(f"{name}: the chief has no more trials")
    return 0


def _report(args: argparse.Namespace) -> int:
    from .report import write_report
    from .results import read_results
    from .settings import read_settings

    settings = read_settings(args.out)
    for path in write_report(args.out, settings, read_results(args.out)):
        print(path)
    return 0


def _list(args: argparse.Namespace) -> int:
    from .registry import PACKAGED, read_presets

    folder = args.folder or PACKAGED
    presets = read_presets(folder)
    for preset in presets:
        about = preset.about
        print(
            f"{preset.name}: {about['sdr']:.2f} dB in the search ({about['steps']:.0f} steps), {about['multiply_adds'] / 1e9:.2f} G "
            f"multiply-adds a second, {about['parameters'] / 1e6:.2f} M parameters\n  tfsep train --config {preset.path} ..."
        )
    if not presets:
        print(f"{folder}: no presets; `tfsep-tune search` writes them to OUT/presets")
    return 0


# --- from options to settings -------------------------------------------------------------------------------------------------


def settings_of(args: argparse.Namespace) -> "SearchSettings":
    """Return the settings that the options ask for. Raises: UsageError."""
    from .constraints import Limits, quantity
    from .settings import SearchSettings

    initial, base = _base(args)
    given = [option for role, option in UNPAIRED.items() if getattr(args, role)]
    if bool(given) != bool(args.adversarial) or (args.adversarial and len(given) < len(UNPAIRED)):
        raise UsageError(f"--adversarial and {', '.join(UNPAIRED.values())}: give all of them, or none")
    parameters = quantity(args.max_parameters) if args.max_parameters else None
    try:
        limits = Limits(
            multiply_adds=quantity(args.max_cost) if args.max_cost else None,
            parameters=None if parameters is None else round(parameters),
            megabytes=args.max_size,
            precision=args.size_as,
        )
        return SearchSettings(
            genre=args.genre,
            tuner=args.tuner,
            space=_space(args.space),
            limits=limits,
            base=base,
            data=tuple(args.data),
            validation=tuple(args.validation),
            unpaired={role: getattr(args, role) for role in UNPAIRED if getattr(args, role)},
            initial=str(initial) if initial else None,
            cache=str(args.cache or Path.home() / ".cache" / "tfsep"),
            steps=args.steps,
            trial_s=seconds(args.trial_time) if args.trial_time else None,
            trials=args.trials,
            budget_s=seconds(args.budget) if args.budget else None,
            price_db=args.price,
            seed=args.seed,
            patience_s=seconds(args.patience),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def seconds(text: str) -> float:
    """Read a time such as `90s`, `10m`, `8h` or `2d`. Raises: UsageError."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _SECONDS else (text, "")
    if not unit or not number.replace(".", "", 1).isdigit() or not float(number):
        raise UsageError(f"{text!r}: use a time above 0 with its unit, such as 90s, 10m, 8h or 2d")
    return float(number) * _SECONDS[unit]


def _space(text: str):  # noqa: ANN202
    import json

    from .space import Space, space_named

    if not text.endswith(".json"):
        return space_named(text)
    try:
        return Space.from_json(json.loads(Path(text).read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"--space {text}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"--space {text}: {error}") from None


def _base(args: argparse.Namespace):  # noqa: ANN202
    import json

    from tfsep.bundle import read_about
    from tfsep.separation.locate import find_bundle
    from tfsep.training.config import TrainingConfig
    from tfsep.training.presets import stage1, stage1_of, stage2

    if bool(args.init) != bool(args.adversarial):
        raise UsageError("--init and --adversarial: give both, or none; stage 1 is searched from fresh weights")
    initial = find_bundle(args.init) if args.init else None
    if args.config:
        try:
            base = TrainingConfig.from_json(json.loads(args.config.read_text(encoding="utf-8")))
        except OSError as error:
            raise UsageError(f"--config {args.config}: cannot be read ({error.strerror})") from None
        except (ValueError, TypeError) as error:
            raise UsageError(f"--config {args.config}: {error}") from None
    elif initial:
        base = stage1_of(read_about(initial).config)
    else:
        base = stage1(args.preset or "default")
    return initial, stage2(base, args.adversarial) if args.adversarial else base


def _check_installed() -> None:
    for package in ("keras_tuner", "sklearn", os.environ["KERAS_BACKEND"]):
        if not find_spec(package):
            raise MissingExtraError(package, "tune", "the search")


def _finish(out: Path, settings: "SearchSettings", stop_reason: str) -> int:
    """Write presets and report; say what was found. Raises: TrainingError if no trial has become anything."""
    from .registry import write_presets
    from .report import write_report
    from .results import SDR, SECONDS, SHARE, read_results

    result = read_results(out)
    print(f"the search ends: {stop_reason}; {len(result.completed)} of {len(result.trials)} trials are completed")
    if not result.completed:
        failed = [f"{trial.name}: {trial.message}" for trial in result.trials if trial.message]
        raise TrainingError(f"{out}: no trial was completed; {failed[-1] if failed else stop_reason}")
    best = result.completed[0]
    if max(trial.metrics[SHARE] for trial in result.completed) < 1 / 9 and settings.budget_s:
        whole_s = best.metrics[SECONDS] / best.metrics[SHARE]
        raise TrainingError(
            f"--budget: too small for one trial: the best has done {100 * best.metrics[SHARE]:.0f} % of its steps; a whole trial takes "
            f"about {whole_s / 60:.1f} min here: give more, or use fewer --steps"
        )
    paths = write_presets(out / "presets", settings, result)
    report = write_report(out, settings, result)[1]
    print(f"{paths[0]}: trial {best.name}, {best.metrics[SDR]:.2f} dB; {len(paths) - 1} models on the front; {report}")
    return 0

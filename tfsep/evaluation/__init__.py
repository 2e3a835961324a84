"""Scores, baselines and reports: `evaluate(models, data)`, `write_report(path, evaluation, pictures)`."""

from tfsep.evaluation.report import write_report
from tfsep.evaluation.result import Evaluation
from tfsep.evaluation.runner import Outcome, evaluate
from tfsep.evaluation.summary import summarise

__all__ = ["Evaluation", "Outcome", "evaluate", "summarise", "write_report"]

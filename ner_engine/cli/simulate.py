"""``simulate``: replay annotation on corpora and compare query strategies."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_engine.cli.common import (
    DONE,
    Progress,
    emit_event,
    watch_parent,
    write_result,
)

if TYPE_CHECKING:
    from ner_engine.active_learning.simulation_plan import SimulationPlan

NAME = "simulate"
HELP = "Replay annotation on corpora and compare query strategies by their cost."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--plan",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON: corpora, starts, strategies, seeds, recipe, batches",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("simulation"),
        metavar="DIR",
        help="cells, report and plots; cells that are there are kept (simulation)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="with the plan's smaller values, `quick`"
    )
    parser.add_argument(
        "--report-only",
        action="store_true",
        help="run nothing; report on what is there",
    )


def run(args: argparse.Namespace) -> int:
    """Run the cells that are missing, then report."""
    watch = watch_parent(args)
    from ner_engine.active_learning.simulation import (  # noqa: PLC0415 - slow import
        cells_of,
        prepare_starts,
        read_material,
        run_cell,
    )
    from ner_engine.active_learning.simulation_plan import (  # noqa: PLC0415 - as above
        read_plan,
    )

    plan = read_plan(args.plan, is_quick=args.quick)
    cells = cells_of(plan)
    folder = args.out / "cells"
    progress = Progress(is_wanted=not args.events)
    if not args.report_only:
        progress.show("reading corpora and starts")
        material = {corpus.name: read_material(plan, corpus) for corpus in plan.corpora}
        prepared = prepare_starts(plan, material.values(), args.out / "encoders")
        cells = cells_of(prepared)
        for number, cell in enumerate(cells, start=1):
            rounds = run_cell(
                plan,
                cell,
                material[cell.corpus.name],
                folder,
                check=watch.check if watch else lambda: None,
            )
            for done in rounds:
                progress.show(
                    f"cell {number} of {len(cells)}, {cell.name}: round {done.number}"
                    f" of {done.rounds}, {done.n_notes} notes, F1 {done.f1:.3f}"
                )
                if args.events:
                    emit_event(done.to_json())
        progress.close()
    result = _report(args, plan, cells, folder)
    write_result(args, result)
    if args.events:
        emit_event({"event": "done", "out": str(args.out)})
    else:
        print(f"report in {args.out / 'report.md'}")
    return DONE


def _report(
    args: argparse.Namespace, plan: SimulationPlan, cells: list[Any], folder: Path
) -> dict[str, Any]:
    from ner_engine.active_learning.simulation_report import (  # noqa: PLC0415 - slow
        analyse,
        read_runs,
        to_markdown,
    )

    figures = analyse(read_runs(cells, folder), seed=args.seed)
    result = {
        "event": "done",
        "plan": plan.to_json(),
        "quick": args.quick,
        "cores": len(os.sched_getaffinity(0)),
        "groups": figures,
    }
    args.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    (args.out / "report.json").write_text(text, encoding="utf-8")
    page = to_markdown(figures, plan=plan.to_json())
    (args.out / "report.md").write_text(page, encoding="utf-8")
    for group in figures:
        if group["strategies"]:
            name = f"{group['corpus']}--{group['start']}.svg".replace("/", "_")
            (args.out / name).write_text(_plot(group) + "\n", encoding="utf-8")
    return result


def _plot(group: dict[str, Any]) -> str:
    from ner_engine.evaluation.svg import Curve, line_chart  # noqa: PLC0415 - rare

    curves = [
        Curve(
            name,
            row["curve"]["edits"],
            row["curve"]["f1"],
            row["curve"]["low"],
            row["curve"]["high"],
        )
        for name, row in group["strategies"].items()
    ]
    title = f"F1 against edits: {group['corpus']}, from {group['start']}"
    return line_chart(curves, title=title, across="edits", up="F1")

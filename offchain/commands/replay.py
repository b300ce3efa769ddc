"""``headrace replay``: a recorded exchange day through our matching."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from offchain.core.binding import CoreUnavailableError
from offchain.replay.book import MatchingBook, ReferenceBook
from offchain.replay.classify import Category
from offchain.replay.core_book import ReplayRefusedError, core_book, spec_book
from offchain.replay.driver import ReplayOptions, load_recording, replay_recording
from offchain.replay.feed import FeedError, FeedRecording
from offchain.replay.report import ReplayReport
from offchain.tools.progress import progress_bar

BOOKS: Final[dict[str, Callable[[], MatchingBook]]] = {
    "core": core_book,
    "python": ReferenceBook,
    "spec": spec_book,
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--book",
    type=click.Choice(list(BOOKS)),
    default="core",
    show_default=True,
    help="What matches: the C core, a plain Python book, or the executable specification.",
)
@click.option(
    "--strict-feed-order",
    is_flag=True,
    help="Keep every self-match cancel at its place in the feed, behind the trade.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def replay(file: Path, book: str, strict_feed_order: bool, as_json: bool) -> None:
    """Replay a recorded day through our matching and compare the fills with the exchange's.

    FILE holds market-by-order data: Databento DBN (.dbn, .dbn.zst) or our own format (.hrflow).
    Every incoming order that traded is matched again; it counts as exact when makers, prices,
    sizes and their order are the exchange's. Every difference is explained from the feed itself,
    or counted as unexplained.
    """
    try:
        recording = load_recording(file)
        strict = _run(recording, book, ReplayOptions(is_self_match_first=False))
        report = strict if strict_feed_order else _run(recording, book, ReplayOptions())
    except (CoreUnavailableError, FeedError, OSError, ReplayRefusedError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        fields = report.to_dict() | {
            "book": book,
            "strict_feed_order": strict_feed_order,
            "strict": {
                "exact": strict.exact,
                "exact_share": round(strict.exact_share, 6),
                "unexplained": strict.unexplained,
            },
        }
        click.echo(json.dumps(fields))
    else:
        click.echo(_text(report, strict, book))


def _run(recording: FeedRecording, book: str, options: ReplayOptions) -> ReplayReport:
    order = "cancels first" if options.is_self_match_first else "strict feed order"
    with progress_bar(f"replay, {order}") as advance:
        return replay_recording(recording, BOOKS[book], advance, options)


def _text(report: ReplayReport, strict: ReplayReport, book: str) -> str:
    explained = [
        f"  {category.replace('_', ' ')}: {report.explained[category]}"
        for category in Category
        if report.explained[category]
    ]
    run = f"book: {book}, {report.seconds:.1f} s"
    lines = [
        f"{report.messages:,} messages, {report.aggressors:,} aggressors, {run}",
        f"exact: {_share(report)}",
        f"explained: {sum(report.explained.values())}",
        *explained,
        f"unexplained: {report.unexplained}",
    ]
    if report is strict:
        lines.append("In strict feed order: self-match cancels stay behind the trade.")
    else:
        n_self_matched = report.fires_on_exact[Category.SELF_MATCH_PREVENTION]
        lines.append(
            "Self-match prevention: the feed does not say who owns an order, so a cancel that the "
            "exchange publishes in\nthe trade's own event, of an order in the aggressor's way, is "
            f"an input and applied before the trade ({n_self_matched} exact\naggressors). With "
            f"every cancel at its place in the feed: {_share(strict)}, "
            f"unexplained {strict.unexplained}."
        )
    return "\n".join(lines)


def _share(report: ReplayReport) -> str:
    return f"{report.exact:,} of {report.aggressors:,} ({report.exact_share:.2%})"

"""Commands that take people and messages out, or give everybody another pseudonym: forget, deletions, rotate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from copenet.cli.options import AsJson, StudyPath, open_study
from copenet.cli.output import command, emit, note, progress, say

Platform = Annotated[
    str | None,
    typer.Option(
        "--platform", metavar="NAME", help="Which platform is meant, where the study holds several.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (forget, deletions, rotate):
        app.command()(function)


@command
def forget(
    study: StudyPath,
    *,
    users: Annotated[list[str], typer.Argument(metavar="USER…", help="Usernames, ids, or addresses of profiles.")],
    platform: Platform = None,
    as_json: AsJson = False,
) -> None:
    """Remove people from every table, store, model and result, and mark the results stale.

    A name that is only shown beside messages (as on Telegram) does, too, if it belongs to one person.

    Example: copenet forget anxiety some_username

    Example: copenet forget anxiety @user@instance.example --platform mastodon
    """
    from copenet.forgetting import forget_people

    counts = forget_people(open_study(study), users, platform)
    if as_json:
        emit(counts)
        return
    if counts["messages"]:
        say(f"{counts['asked']} people are forgotten; {counts['messages']} messages of theirs were removed.")
    else:
        say("Nobody of that name was found among the authors; whoever has it stays out of later dumps.")
    if counts["namesakes"]:
        note(f"{counts['namesakes']} others only show a name given. They stay: forget them by username or id if meant.")
    note("Results are stale and were removed where they could still hold them.")
    _say_elsewhere(counts, study)


@command
def deletions(
    study: StudyPath,
    *,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Ids of messages, or notices of deletion.")],
    platform: Platform = None,
    as_json: AsJson = False,
) -> None:
    """Remove the messages that a list names from every table, store, model and result; they stay out.

    FILE holds one id or address a line, a column of them (CSV, NDJSON), or the notices that platforms send of deletions
    (X's compliance files and streams, Bluesky's Jetstream). Results go only if a message of the study is on the list.

    Example: copenet deletions anxiety deleted.txt

    Example: copenet deletions anxiety compliance_results.jsonl --platform x
    """
    from copenet.forgetting import delete_messages

    counts = delete_messages(open_study(study), path, platform)
    if as_json:
        emit(counts)
        return
    say(f"{counts['asked']} messages are on the list; {counts['messages']} were in the study and are removed.")
    _say_rejected(path, counts)
    if counts["unknown"]:
        note(f"{counts['unknown']} are in no dump of the study; they stay out of later ones.")
    if counts["passed_over"]:
        note(f"{counts['passed_over']} entries tell of no message that is gone, and were passed over.")
    if counts["messages"]:
        note("Results are stale and were removed where they could still hold them.")
    _say_elsewhere(counts, study)


@command
def rotate(
    study: StudyPath,
    *,
    without_gone: Annotated[
        bool, typer.Option("--without-gone", help="Leave out what was read of dumps that are gone or were changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change the key: read every dump again, so that everybody has another pseudonym, and destroy the former key.

    Whoever was forgotten stays forgotten. Interrupted, it is finished by the same command; a dump erased by then is
    left out by --without-gone.

    Example: copenet rotate anxiety
    """
    from copenet.rotating import rotate_key

    counts = rotate_key(open_study(study), progress(as_json), without_gone=without_gone)
    if as_json:
        emit(counts)
        return
    say(f"The key is another one: {counts['messages']} messages of {counts['dumps']} dumps were read under it.")
    if counts["lost"]:
        note(f"{counts['lost']} names of forgotten people are in no dump, so the new key does not know them.")
        note("  Forget by name, again, whoever may come in a later dump.")
    note("Results are stale and were removed: they bore the former pseudonyms.")
    for place in counts["left_elsewhere"]:
        note(f"{place} lies outside the study and bears the former pseudonyms.")
    say(f"next: copenet run {study}")


def _say_rejected(path: Path, counts: dict[str, Any]) -> None:
    for entry in counts["rejected"][:10]:
        note(f"rejected: {path.name} line {entry['line']}: {entry['reason']}")
    if counts["rejected_count"] > 10:
        note(f"10 of {counts['rejected_count']} rejected lines shown")


def _say_elsewhere(counts: dict[str, Any], study: Path) -> None:
    for place in counts["left_elsewhere"]:
        note(f"{place} lies outside the study and may still hold them: delete it, or take them out of it, by hand.")
    note("Files copied elsewhere may still hold them: delete those by hand.")
    say(f"next: copenet run {study}")

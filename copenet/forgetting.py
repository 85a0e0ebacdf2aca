"""People and messages leave a study: out of the tables, the store, the models and every result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from copenet import copies, journal, stores
from copenet.foundation.errors import InputError, ResourceError
from copenet.foundation.files import write_json
from copenet.freshness import lock
from copenet.pipeline import Pipeline
from copenet.study import Study


def forget_people(study: Study, users: Sequence[str], platform: str | None = None) -> dict[str, Any]:
    """Remove `users` (usernames) and everything computed from them; return counts.

    They stay out when the same dump is read again. Results are removed with them, because any of them could still
    hold a trace, and are made again by the next run. A kill at any moment leaves nothing of them behind for long: what
    is computed is marked as to be removed before anything changes, and the next run or forget removes it.

    Args:
        platform: Where they are known under these names; None means the study's only platform.

    Raises:
        UsageError: Something given is no username, or the study holds several platforms and none is named.
        InputError: Nothing was ingested, or the key is lost or another; nothing is changed then.
        RefusedError: Others were forgotten under another key; nothing is changed then.
        ResourceError: A store cannot be reached; everything else is removed by then, and asking again finishes it.
    """
    from ingest import check_forget, forget, platform_of

    pipeline, key_file = Pipeline(study), key_file_of(study)
    with lock(study.restricted / "stages" / "lock"):
        pipeline.finish_removal()
        where = platform_of(study.restricted, platform)
        found = check_forget(study.restricted, where, users, key_file=key_file)
        counts = {"asked": len(users), "platform": where, **found._asdict()}
        pipeline.begin_removal()
        left = stores.drop_all(study)
        messages = forget(study.restricted, where, users, key_file=key_file)
        return _finished(study, pipeline, "forgot", {**counts, "messages": messages}, left)


def delete_messages(study: Study, path: Path, platform: str | None = None) -> dict[str, Any]:
    """Remove the messages that a list names, and everything computed from them; return counts.

    They stay out, and so do those that no dump of the study holds yet. Where none of them is there, nothing else is
    touched: the list is remembered, and every result stays.

    Args:
        path: See `ingest.message_lists.read_message_list`.
        platform: Where ids without their platform are from; None means the study's only platform.

    Raises:
        UsageError: The platform of an id is not clear.
        InputError: The file names no message, nothing was ingested, or the key is lost or another.
        RefusedError: People were forgotten under another key; nothing is changed then.
        ResourceError: As `forget_people`.
    """
    from ingest import check_withhold, withhold
    from ingest.message_lists import read_message_list

    pipeline, key_file = Pipeline(study), key_file_of(study)
    with lock(study.restricted / "stages" / "lock"):
        pipeline.finish_removal()
        listed = read_message_list(path, study.restricted, platform)
        rejected = [{"line": line, "reason": reason} for line, reason in listed.rejected]
        if rejected and not listed.entries:
            _refuse(path, rejected)
        here, unknown = check_withhold(study.restricted, listed.entries, key_file=key_file)
        counts = {
            "asked": len(listed.entries),
            "unknown": unknown,
            "passed_over": listed.passed_over,
            "rejected": rejected,
            "rejected_count": len(rejected) + listed.rejected_more,
        }
        if here:
            pipeline.begin_removal()
        left = stores.drop_all(study) if here or _undropped(study).exists() else []
        messages = withhold(study.restricted, listed.ids(), key_file=key_file)
        return _finished(study, pipeline, "withheld", {**counts, "messages": messages}, left)


def _finished(
    study: Study, pipeline: Pipeline, event: str, counts: dict[str, Any], left: Sequence[stores.Undropped]
) -> dict[str, Any]:
    """Remove what is computed and the copies of it, after the tables; return the counts, with what cannot be reached."""
    asked, messages = counts["asked"], counts["messages"]
    journal.append(study.journal, event, asked=asked, messages=messages, stores_left=len(left))
    pipeline.finish_removal()
    copies.clean_gold(study)
    if left:
        write_json(_undropped(study), {})
        what = "people are forgotten here" if event == "forgot" else "messages are withheld here"
        raise _unfinished(f"{asked} {what} and {messages} messages were removed from the tables", left)
    _undropped(study).unlink(missing_ok=True)
    return {**counts, "left_elsewhere": copies.elsewhere(study)}


def _undropped(study: Study) -> Path:
    """Return the mark of a store that could not be dropped when somebody had to leave it."""
    return study.restricted / "undropped.json"


def _unfinished(done: str, left: Sequence[stores.Undropped]) -> ResourceError:
    places = "; ".join(f"{one.where} ({one.reason})" for one in left)
    return ResourceError(
        f"{done}, but a store could not be dropped and may still hold them: {places}",
        remedy="Make the store reachable and run the same command again (`copenet forget`, `copenet deletions`): it "
        "finishes the rest.",
    )


def _refuse(path: Path, rejected: Sequence[dict[str, Any]]) -> None:
    first = "; ".join(f"line {entry['line']}: {entry['reason']}" for entry in rejected[:3])
    raise InputError(
        f"{path.name} names no message ({first}).",
        remedy="Give one id a line as the platform writes it (Reddit: t1_… or t3_…; Mastodon and Bluesky: the address), "
        "or a column named id. Another platform than the study's first: --platform NAME",
    )


def key_file_of(study: Study) -> Path | None:
    """Return the key file that the settings name, None where the key lies in the study."""
    named = study.settings.ingest.key_file
    return study.file(named) if named else None

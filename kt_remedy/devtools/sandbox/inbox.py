"""Messages that the stand-ins sent to phones, kept as lines of a file so that a restart loses none."""

import datetime as dt
import json
import threading

from kt_remedy.devtools.sandbox import folder

_lock = threading.Lock()


def deliver(to: str, text: str, sender: str, kind: str) -> None:
    """Put a message into the inbox of the phone `to` (digits). `kind`: "sms", "lms", "code" or "pass"."""
    message = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "to": to,
        "sender": sender,
        "kind": kind,
        "text": text,
    }
    with _lock, (folder.home() / "inbox.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(message, ensure_ascii=False) + "\n")


def messages(*, to: str = "", limit: int = 200) -> list[dict]:
    """The last messages, newest first: {at, to, sender, kind, text}."""
    try:
        lines = (folder.home() / "inbox.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    matching = [message for line in lines if (message := json.loads(line)) and to in ("", message["to"])]
    return matching[::-1][:limit]

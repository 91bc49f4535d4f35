"""Decisions of reviewers for tests of what comes after: any reason that fits the act."""

from refunds.applications import objection_answers, queue, reviews

CODES = {"REJECT": ["CONDITIONS_NOT_MET"], "ASK_DOCUMENTS": ["FAMILY"], "APPROVE": []}


def verdict(act: str, reason: str = "", **values) -> reviews.Verdict:
    """A decision with the codes given, or with one that fits."""
    return reviews.Verdict(act, values.pop("codes", CODES.get(act, [])), note=reason, **values)


def review(*, application_id: int, reviewer, act: str, reason: str = "", **values):
    """Decide one case."""
    return reviews.review(application_id=application_id, reviewer=reviewer, verdict=verdict(act, reason, **values))


def answer_objection(*, objection_id, reviewer, uphold: bool, answer: str = "", codes=(), **values):
    """Answer an objection; `answer` is the note for staff."""
    codes = codes or ["WAS_RIGHT" if uphold else "RECORDS_SAY_SO"]
    return objection_answers.answer_objection(
        objection_id=objection_id, reviewer=reviewer, uphold=uphold, codes=codes, note=answer, **values
    )


def take_next(*, reviewer, **values):
    """The application of the next case, or None."""
    case = queue.take_next(reviewer=reviewer, **values)
    return case and case.application


def send(client, page: str, answers: dict):
    """Decide on the page of a case: look at the letter first, then send it. The last answer of the server."""
    shown = client.post(page, answers)
    if shown.status_code != 200:
        return shown
    return client.post(page, {**answers, "seen": shown.context["seen"], "send": "1"})

"""The SMS gateway SOLAPI through its official SDK, with three classes of errors: temporary, permanent, unknown outcome.

The SDK raises bare exceptions whose texts may hold telephone numbers; these texts never leave this module. Its HTTP
client waits five seconds for an answer and repeats only failed connections, so no call is made twice.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from django.conf import settings
from solapi import SolapiMessageService
from solapi.error.MessageNotReceiveError import MessageNotReceivedError
from solapi.model import RequestMessage, SendRequestConfig
from solapi.model.message_type import MessageType
from solapi.model.request.messages.get_messages import GetMessagesRequest
from solapi.model.response.message import Message as FoundMessage

from kt_remedy.core import tracing

DELIVERED = "4000"
PENDING = frozenset({"2000", "3000"})
# Passing faults of the carriers: out of coverage, phone off or full, service paused, time exceeded. Every other fault
# is final.
PASSING = frozenset({"3040", "3041", "3042", "3043", "3044", "3045"})
_KEY = "message"
_PAGE = 200


class TemporaryFailure(Exception):
    """The gateway accepted nothing for now (no connection, too many requests, wrong key); try again later."""


class PermanentFailure(Exception):
    """The gateway accepted nothing and never will; `args[0]` is its code."""


class UnknownOutcome(Exception):
    """It is unknown whether the gateway accepted the call; search for its messages, never send them again."""


@dataclass(frozen=True)
class Outgoing:
    """A message to send; the gateway returns `key` in the custom fields."""

    key: str
    to: str
    text: str
    subject: str | None  # of a long message (LMS)


@dataclass(frozen=True)
class GatewayMessage:
    """A message as the gateway reports it."""

    key: str
    provider_id: str
    group: str
    status: str


def send(messages: Sequence[Outgoing], *, sender: str) -> list[GatewayMessage]:
    """Send messages in one call. A message that is missing from the answer was refused.

    Raises TemporaryFailure, PermanentFailure or UnknownOutcome, each for all messages of the call.
    """
    requests = [
        RequestMessage(
            from_=sender,
            to=message.to,
            text=message.text,
            subject=message.subject,
            type=MessageType.LMS if message.subject else MessageType.SMS,
            auto_type_detect=False,
            custom_fields={_KEY: message.key},
        )
        for message in messages
    ]
    try:
        with tracing.span("SOLAPI send", "CLIENT", remedy_messages=len(requests)):
            answer = _service().send(requests, SendRequestConfig(allow_duplicates=True, show_message_list=True))
    except MessageNotReceivedError as error:
        code = str(error.failed_messages[0].status_code)
        raise PermanentFailure(code) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise TemporaryFailure("no connection") from None
    except Exception as error:  # the SDK raises bare exceptions
        raise _classify(error) from None
    group = answer.group_info.group_id
    return [
        GatewayMessage(str((item.custom_fields or {}).get(_KEY, "")), item.message_id, group, item.status_code)
        for item in answer.message_list or []
    ]


def find_messages(*, to: str, sender: str, since: dt.datetime, until: dt.datetime) -> list[GatewayMessage]:
    """Return the messages that the gateway accepted for a number in a period.

    Raises TemporaryFailure if the gateway does not answer.
    """
    return _list_messages(
        GetMessagesRequest(to=to, from_=sender, start_date=since.isoformat(), end_date=until.isoformat(), limit=_PAGE)
    )


def states(group: str) -> list[GatewayMessage]:
    """Return the messages of one call with their states. Raises TemporaryFailure if the gateway does not answer."""
    return _list_messages(GetMessagesRequest(group_id=group, limit=_PAGE))


def _list_messages(query: GetMessagesRequest) -> list[GatewayMessage]:
    listed: list[GatewayMessage] = []
    while True:
        try:
            with tracing.span("SOLAPI list", "CLIENT"):
                answer = _service().get_messages(query)
        except Exception:  # a read changes nothing, so it can be repeated after any fault
            raise TemporaryFailure("no answer") from None
        listed += [_gateway_message(provider_id, message) for provider_id, message in answer.message_list.items()]
        if not answer.next_key or not answer.message_list:
            return listed
        query = query.model_copy(update={"start_key": answer.next_key})


def _gateway_message(provider_id: str, message: FoundMessage) -> GatewayMessage:
    key = str((message.custom_fields or {}).get(_KEY, ""))
    return GatewayMessage(key, provider_id, message.group_id or "", message.status_code or "")


def _classify(error: Exception) -> Exception:
    """Classify a bare exception of the SDK: for an answer of 4xx its first argument is the gateway's code.

    After an answer of 5xx, an unreadable answer or none in time it is unknown whether the messages were accepted.
    """
    if type(error) is not Exception or len(error.args) != 2 or error.args[0] == "UnknownError":
        return UnknownOutcome(type(error).__name__)
    code = str(error.args[0])[:40]
    if code in {"ValidationError", "MessagesNotFound", "InvalidParameter"}:
        return PermanentFailure(code)
    return TemporaryFailure(code)


def _service() -> SolapiMessageService:
    service = SolapiMessageService(settings.SOLAPI_API_KEY, settings.SOLAPI_API_SECRET)
    service.base_url = settings.SOLAPI_API_URL
    return service

"""The SMS gateway: SOLAPI through its official SDK, with every error told apart by what we then know.

The SDK raises bare exceptions whose text may hold telephone numbers; none of it leaves this module. Its HTTP client
waits five seconds for an answer and repeats only a connection that never came about, so it never makes a call twice.
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

DELIVERED = "4000"
PENDING = frozenset({"2000", "3000"})
# The carriers' own passing faults: out of coverage, phone off or full, service paused, time exceeded. What is not
# listed counts as failed for good.
PASSING = frozenset({"3040", "3041", "3042", "3043", "3044", "3045"})
_KEY = "message"
_PAGE = 200


class TemporaryFailure(Exception):
    """The gateway took nothing, for now: no connection, too many requests, wrong key. To be tried again."""


class PermanentFailure(Exception):
    """The gateway took nothing and never will. `args[0]` is its code."""


class UnknownOutcome(Exception):
    """Nobody knows whether the gateway took it. To be asked, never to be sent again."""


@dataclass(frozen=True)
class Outgoing:
    """A message as it leaves; `key` comes back in its custom fields."""

    key: str
    to: str
    text: str
    subject: str | None  # for a long message


@dataclass(frozen=True)
class GatewayMessage:
    """What the gateway knows of a message."""

    key: str
    provider_id: str
    group: str
    status: str


def send(messages: Sequence[Outgoing], *, sender: str) -> list[GatewayMessage]:
    """Hand messages over in one call; what is missing from the answer was refused.

    Raises NotTaken, Refused or Unclear, each for all of them.
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
        answer = _service().send(requests, SendRequestConfig(allow_duplicates=True, show_message_list=True))
    except MessageNotReceivedError as error:
        code = str(error.failed_messages[0].status_code)
        raise PermanentFailure(code) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise TemporaryFailure("no connection") from None
    except Exception as error:  # the SDK raises bare exceptions and says nothing of what they mean
        raise _classify(error) from None
    group = answer.group_info.group_id
    return [
        GatewayMessage(str((item.custom_fields or {}).get(_KEY, "")), item.message_id, group, item.status_code)
        for item in answer.message_list or []
    ]


def find_messages(*, to: str, sender: str, since: dt.datetime, until: dt.datetime) -> list[GatewayMessage]:
    """What the gateway took for a number in a window of time. Raises NotTaken when it does not answer."""
    return _list_messages(
        GetMessagesRequest(to=to, from_=sender, start_date=since.isoformat(), end_date=until.isoformat(), limit=_PAGE)
    )


def states(group: str) -> list[GatewayMessage]:
    """The states of the messages of one call. Raises NotTaken when the gateway does not answer."""
    return _list_messages(GetMessagesRequest(group_id=group, limit=_PAGE))


def _list_messages(query: GetMessagesRequest) -> list[GatewayMessage]:
    found: list[GatewayMessage] = []
    while True:
        try:
            answer = _service().get_messages(query)
        except Exception:  # as above; asking changes nothing, so any fault means: ask again later
            raise TemporaryFailure("no answer") from None
        found += [_gateway_message(provider_id, message) for provider_id, message in answer.message_list.items()]
        if not answer.next_key or not answer.message_list:
            return found
        query = query.model_copy(update={"start_key": answer.next_key})


def _gateway_message(provider_id: str, message: FoundMessage) -> GatewayMessage:
    key = str((message.custom_fields or {}).get(_KEY, ""))
    return GatewayMessage(key, provider_id, message.group_id or "", message.status_code or "")


def _classify(error: Exception) -> Exception:
    """What a bare exception of the SDK means: its first argument is the gateway's code for an answer of 4xx.

    An answer of 5xx, no answer in time and an answer nobody can read all leave open whether the messages were taken.
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

"""Imports of stores and of clerks and store managers: compared first, approved by another administrator, undone whole.

An import gives no role but those of a store, touches no account that has another, and names nobody anew. What is
compared is kept with the values before it; it is carried out only while those values still stand. The reverse of an
import is an import too and goes the same way. A worker compares and carries out (`carry_out`): both take seconds.
"""

import datetime as dt
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import service as audit
from kt_remedy.core.tasks import rows
from kt_remedy.staff import import_files, invitations, leaving, service, sessions
from kt_remedy.staff.import_files import Faults, Rows
from kt_remedy.staff.models import Invitation, StaffImport, Store, User, certified_until
from kt_remedy.staff.roles import STORE_ROLES
from kt_remedy.staff.service import NotAllowed

Kind, State = StaffImport.Kind, StaffImport.State
_STORE_COLUMNS = ("name", "region", "address", "hours", "telephone", "closed")
CHANGED_MEANWHILE = _("비교한 뒤에 다른 데서 바뀌었습니다. 파일을 다시 올려 비교해 주세요.")
ADDED, CHANGED, MOVED, ENDED, RETURNED = "ADDED", "CHANGED", "MOVED", "ENDED", "RETURNED"


class ImportRefused(NotAllowed):
    """An import that cannot go on."""

    sentences = {
        **NotAllowed.sentences,
        "FAULTS": _("틀린 줄이 있어 더 나아갈 수 없습니다. 파일을 고쳐 다시 올려 주세요."),
        "NOTHING": _("바뀌는 것이 없습니다."),
        "DECIDED": _("이미 정해진 가져오기입니다."),
        "SAME_APPROVER": _("요청한 사람이 아닌 다른 관리자가 승인해야 합니다."),
        "UNDONE": _("이미 되돌렸거나 되돌리는 중입니다."),
        "REASON": _("이유를 적어 주세요."),
    }


@transaction.atomic
def check(*, by: User, kind: str, content: bytes, file_name: str, complete: bool) -> StaffImport:
    """Keep a file for a worker, who compares it with what stands; nothing else changes. Returns the import.

    With `complete` the file lists everybody: a clerk or store manager whom it does not name has left, a store has
    closed. Raises NotAllowed, `import_files.WrongFile`.
    """
    service.require_administrator(by, None)
    text, count = import_files.opened(content, kind)
    return StaffImport.objects.create(
        kind=kind,
        file_name=file_name[:120],
        content=text,
        language=(translation.get_language() or "ko")[:2],
        rows=count,
        complete=complete,
        requested_by=by,
        requested_person=by.person_index,
        requested_at=dt.datetime.now(dt.UTC),
    )


def open_imports() -> QuerySet[StaffImport]:
    """Imports that wait for a worker: to be compared, or to be carried out."""
    return StaffImport.objects.filter(state__in=[State.READING, State.APPROVED])


@transaction.atomic
def carry_out(row: StaffImport) -> None:
    """Compare the file of an import, or carry out what another administrator approved, whole or not at all.

    Where something is no longer as it was compared, nothing changes: the import is STOPPED, and its faults name each
    such change. Sessions of leavers and movers end, and their work is passed on (`leaving`). Safe to run twice.
    """
    if row.state == State.APPROVED:
        service.lock_administrators()  # before the row, as `approve` does: the other order would be a deadlock
    row = StaffImport.objects.select_for_update(of=("self",)).get(pk=row.pk)
    with translation.override(row.language):
        if row.state == State.READING:
            _compare(row)
        elif row.state == State.APPROVED:
            _apply(row)


def _compare(row: StaffImport) -> None:
    given, faults = import_files.read(row.content, row.kind)
    compare = _compare_stores if row.kind == Kind.STORES else _compare_staff
    row.changes = compare(given, faults, row.complete)
    row.faults = sorted(faults)[: import_files.MOST_FAULTS]
    row.state, row.content = State.CHECKED, ""
    row.save(update_fields=["changes", "faults", "state", "content"])


def _apply(row: StaffImport) -> None:
    by = row.decided_by
    assert by is not None
    faults = _apply_stores(row) if row.kind == Kind.STORES else _apply_staff(by, row)
    row.state, row.faults = (State.STOPPED if faults else State.APPLIED), faults[: import_files.MOST_FAULTS]
    row.save(update_fields=["state", "faults"])
    _record(by, "staff.import_stopped" if faults else "staff.import_applied", row)


@transaction.atomic
def ask(*, by: User, import_id: int, reason: str) -> None:
    """Ask another administrator to carry an import out. Raises NotAllowed, ImportRefused."""
    row = _lock(by, import_id, State.CHECKED)
    service.require_two_administrators()
    if row.faults:
        raise ImportRefused("FAULTS")
    if not row.changes:
        raise ImportRefused("NOTHING")
    if not reason.strip():
        raise ImportRefused("REASON")
    row.state, row.reason = State.OPEN, reason.strip()
    row.save(update_fields=["state", "reason"])
    _record(by, "staff.import_asked", row)


@transaction.atomic
def approve(*, by: User, import_id: int) -> None:
    """Let a worker carry an import out (`carry_out`); the view asks for a fresh second factor.

    Raises NotAllowed (OWN where the import changes one's own account), ImportRefused.
    """
    service.lock_administrators()
    row = _lock(by, import_id, State.OPEN)
    if by.pk == row.requested_by_id or by.person_index == bytes(row.requested_person):
        raise ImportRefused("SAME_APPROVER")
    service.require_two_administrators()
    if row.kind == Kind.STAFF and any(change["key"] == by.username for change in row.changes):
        raise NotAllowed("OWN")
    _decide(row, by, State.APPROVED)
    StaffImport.objects.filter(pk=row.pk).update(**rows.as_new())
    _record(by, "staff.import_approved", row)


@transaction.atomic
def decline(*, by: User, import_id: int) -> None:
    """Turn an import down, or take one's own back. Raises NotAllowed, ImportRefused."""
    row = _lock(by, import_id, State.READING, State.CHECKED, State.OPEN)
    _decide(row, by, State.DECLINED)
    StaffImport.objects.filter(pk=row.pk).update(content="")
    _record(by, "staff.import_declined", row)


@transaction.atomic
def undo(*, by: User, import_id: int, reason: str) -> StaffImport:
    """Ask for the reverse of an applied import: leavers return, movers go back, new accounts and stores are closed.

    Raises NotAllowed, ImportRefused.
    """
    row = _lock(by, import_id, State.APPLIED)
    if reversing(row).exists():
        raise ImportRefused("UNDONE")
    reverse = StaffImport.objects.create(
        kind=row.kind,
        state=State.CHECKED,
        language=row.language,
        file_name=row.file_name,
        rows=len(row.changes),
        complete=False,
        changes=[_reversed(change, row.kind) for change in reversed(row.changes)],
        reverses=row,
        requested_by=by,
        requested_person=by.person_index,
        requested_at=dt.datetime.now(dt.UTC),
    )
    ask(by=by, import_id=reverse.pk, reason=reason)
    reverse.refresh_from_db()
    return reverse


def reversing(row: StaffImport) -> QuerySet[StaffImport]:
    """The import that takes this one back, or is about to."""
    return row.reversed_by.exclude(state__in=[State.DECLINED, State.STOPPED])


@transaction.atomic
def give_codes(*, by: User, import_id: int, store: Store) -> list[tuple[User, invitations.NewInvitation]]:
    """One-time codes for the accounts of one store that an import opened and nobody has entered yet, to hand over.

    A later call gives new codes in their place. Raises NotAllowed, ImportRefused (SAME_APPROVER: the one who asked).
    """
    service.require_administrator(by, None)
    row = StaffImport.objects.get(pk=import_id, state=State.APPLIED, kind=Kind.STAFF)
    if by.pk == row.requested_by_id or by.person_index == bytes(row.requested_person):
        raise ImportRefused("SAME_APPROVER")
    users = list(waiting_for_codes(row).filter(store=store).select_for_update(of=("self",)).order_by("username"))
    codes = [(user, invitations.new_code(user)) for user in users]
    for user, _code in codes:
        service.record(by, "staff.code_given", user, row.reason, {"import": row.pk})
    return codes


def waiting_for_codes(row: StaffImport) -> Any:
    """The accounts that an import opened and that have no password yet."""
    opened = [change["key"] for change in row.changes if change["act"] in (ADDED, RETURNED)]
    without = User.objects.filter(password__startswith=UNUSABLE_PASSWORD_PREFIX, is_active=True)
    return without.filter(username__in=opened).select_related("store")


def _lock(by: User, import_id: int, *states: str) -> StaffImport:
    service.require_administrator(by, None)
    row = StaffImport.objects.select_for_update(of=("self",)).get(pk=import_id)
    if row.state not in states:
        raise ImportRefused("DECIDED")
    return row


def _decide(row: StaffImport, by: User, state: str) -> None:
    row.state = state
    row.decided_by, row.decided_person, row.decided_at = by, by.person_index, dt.datetime.now(dt.UTC)
    row.save(update_fields=["state", "decided_by", "decided_person", "decided_at"])


def _record(by: User, action: str, row: StaffImport) -> None:
    audit.record(
        actor=audit.actor(by),
        action=action,
        object=f"import:{row.pk}",
        reason=row.reason,
        detail={"kind": row.kind, "changes": len(row.changes)},
    )


def _change(act: str, key: str, before: dict | None, after: dict) -> dict[str, Any]:
    return {"act": act, "key": key, "before": before, "after": after}


def _fault(change: dict[str, Any], words: Any) -> list[Any]:
    """The fault of a change, which belongs to no line of the file."""
    return [0, f"{change['key']}: {words}"]


def _reversed(change: dict[str, Any], kind: str) -> dict[str, Any]:
    """The change that takes another back; what had nothing before is closed, because rows are never deleted."""
    off = {"closed": True} if kind == Kind.STORES else {"active": False, "role": "", "store": ""}
    before = change["before"] or {**change["after"], **off}
    acts = {ADDED: ENDED, ENDED: RETURNED, RETURNED: ENDED}
    return _change(acts.get(change["act"], change["act"]), change["key"], change["after"], before)


# Stores ------------------------------------------------------------------------------------------------------------


def _state_of_store(store: Store) -> dict[str, Any]:
    return {column: getattr(store, column) for column in _STORE_COLUMNS}


def _compare_stores(given: Rows, faults: Faults, complete: bool) -> list[dict[str, Any]]:
    standing = {store.code: _state_of_store(store) for store in Store.objects.all()}
    changes = []
    for code, row in given.items():
        after, before = {column: row[column] for column in _STORE_COLUMNS}, standing.get(code)
        if before is None:
            changes.append(_change(ADDED, code, None, after))
        elif before != after:
            changes.append(_change(RETURNED if before["closed"] else CHANGED, code, before, after))
    if complete and not faults:
        manned = set(User.objects.filter(is_active=True, store__isnull=False).values_list("store__code", flat=True))
        for code, before in standing.items():
            if code in given or before["closed"]:
                continue
            if code in manned:
                faults.append([0, str(_("%(code)s: 직원이 있는 매장은 닫을 수 없습니다.")) % {"code": code}])
            changes.append(_change(ENDED, code, before, {**before, "closed": True}))
    return changes


def _apply_stores(row: StaffImport) -> Faults:
    keys = [change["key"] for change in row.changes]
    standing = {store.code: store for store in Store.objects.select_for_update().filter(code__in=keys)}
    manned = set(User.objects.filter(is_active=True, store__code__in=keys).values_list("store__code", flat=True))
    faults: Faults = []
    changed: list[Store] = []
    added: list[Store] = []
    for change in row.changes:
        store = standing.get(change["key"])
        if (_state_of_store(store) if store else None) != change["before"]:
            faults.append(_fault(change, CHANGED_MEANWHILE))
        elif change["after"]["closed"] and change["key"] in manned:
            faults.append(_fault(change, _("직원이 있는 매장은 닫을 수 없습니다.")))
        (changed if store else added).append(store or Store(code=change["key"]))
        for column in _STORE_COLUMNS:
            setattr((changed if store else added)[-1], column, change["after"][column])
    if not faults:
        Store.objects.bulk_create(added, batch_size=1000)
        Store.objects.bulk_update(changed, _STORE_COLUMNS, batch_size=500)
    return faults


# Staff -------------------------------------------------------------------------------------------------------------


def _state_of(user: User) -> dict[str, Any]:
    role = user.roles[0] if len(user.roles) == 1 else ""
    return {
        "name": user.first_name,
        "role": role,
        "store": user.store.code if user.store else "",
        "active": user.is_active,
    }


def _compare_staff(given: Rows, faults: Faults, complete: bool) -> list[dict[str, Any]]:
    accounts = {user.username: user for user in User.objects.select_related("store")}
    folded = {name.casefold(): name for name in accounts}
    open_stores = set(Store.objects.filter(closed=False).values_list("code", flat=True))
    changes = []
    for key, row in given.items():
        after = {"name": row["name"], "role": row["role"], "store": row["store"], "active": True}
        user = accounts.get(folded.get(key.casefold(), ""))
        if wrong := _fault_of(row, user, open_stores):
            faults.append([row["line"], f"{key}: {wrong}"])
        elif user is None:
            changes.append(_change(ADDED, key, None, after))
        elif (before := _state_of(user)) != after:
            changes.append(
                _change(MOVED if before["store"] != after["store"] else CHANGED, user.username, before, after)
            )
    if complete and not faults:
        named = {name.casefold() for name in given}
        for username, user in accounts.items():
            if (
                user.is_active
                and user.roles
                and set(user.roles) <= set(STORE_ROLES)
                and username.casefold() not in named
            ):
                after = {"name": user.first_name, "role": "", "store": "", "active": False}
                changes.append(_change(ENDED, username, _state_of(user), after))
    return changes


def _fault_of(row: dict[str, Any], user: User | None, open_stores: set[str]) -> str:
    if row["store"] not in open_stores:
        return str(_("없거나 닫은 매장입니다: %(code)s")) % {"code": row["store"]}
    if user is None:
        return ""
    if not user.is_active:
        return str(_("닫힌 계정입니다. 먼저 다시 열어 달라고 요청하세요."))
    if not set(user.roles) <= set(STORE_ROLES) or len(user.roles) > 1:
        return str(_("매장 밖의 역할이 있거나 역할이 여럿인 계정은 여기서 바꿀 수 없습니다."))
    if user.first_name != row["name"]:
        return str(_("이름이 계정과 다릅니다. 이름은 따로 고칩니다."))
    return ""


def _apply_staff(by: User, row: StaffImport) -> Faults:
    keys = [change["key"] for change in row.changes]
    locked = User.objects.select_for_update(of=("self",)).select_related("store").filter(username__in=keys)
    standing = {user.username: user for user in locked}
    codes = {change["after"]["store"] for change in row.changes}
    stores = {store.code: store for store in Store.objects.filter(code__in=codes, closed=False)}
    if faults := [fault for change in row.changes if (fault := _stops(change, standing, stores))]:
        return faults
    added: list[User] = []
    changed: list[User] = []
    for change in row.changes:
        user = standing.get(change["key"])
        if user is None:
            name = change["after"]["name"]
            user = User(username=change["key"], first_name=name, is_staff=True, password=make_password(None))
            added.append(user)
        else:
            changed.append(user)
        _give(user, change["after"], stores)
    left = [standing[change["key"]] for change in row.changes if change["act"] not in (ADDED, CHANGED)]
    User.objects.bulk_create(added, batch_size=1000)
    _store_changes(changed)
    _end_work_of(left)
    _record_each(by, row, {user.username: user.pk for user in [*added, *changed]})
    return []


def _stops(change: dict[str, Any], standing: dict[str, User], stores: dict[str, Store]) -> list[Any] | None:
    """The fault of a change that can no longer be carried out, None for none."""
    user, after = standing.get(change["key"]), change["after"]
    if (_state_of(user) if user else None) != change["before"]:
        return _fault(change, CHANGED_MEANWHILE)
    if after["active"] and after["store"] not in stores:
        return _fault(change, _("없거나 닫은 매장입니다: %(code)s") % {"code": after["store"]})
    try:
        service.require_apart([after["role"]] if after["active"] else [], user.person_index if user else None, but=user)
    except NotAllowed as refused:
        return _fault(change, refused.message)
    return None


def _give(user: User, after: dict[str, Any], stores: dict[str, Store]) -> None:
    """Set role, store and state of an account; one that is closed can no longer be entered."""
    if after["active"]:
        if not user.is_active:
            user.expected_person, user.person_index = user.person_index or user.expected_person, None
        user.certified_until = certified_until()
    else:
        user.password = make_password(None)
    user.roles = [after["role"]] if after["active"] else []
    user.store, user.is_active = stores.get(after["store"]), after["active"]


def _store_changes(users: list[User]) -> None:
    """Write the columns that an import may change."""
    columns = ["roles", "store", "is_active", "certified_until", "password", "person_index", "expected_person"]
    User.objects.bulk_update(users, columns, batch_size=500)


def _end_work_of(users: list[User]) -> None:
    """End the sessions of leavers and movers, drop what a leaver could come back with, and pass their work on."""
    closed = [user.pk for user in users if not user.is_active]
    Authenticator.objects.filter(user__in=closed).delete()
    Invitation.objects.filter(user__in=closed).delete()
    sessions.end_all([user.pk for user in users])
    for user in users:
        leaving.pass_on(user)


def _record_each(by: User, row: StaffImport, ids: dict[str, int]) -> None:
    actions = {
        ADDED: "staff.hired",
        ENDED: "staff.dismissed",
        RETURNED: "staff.reopened",
        MOVED: "staff.store_changed",
        CHANGED: "staff.role_granted",
    }
    by_act: dict[str, dict[str, str]] = {}
    for change in row.changes:
        by_act.setdefault(actions[change["act"]], {})[f"user:{ids[change['key']]}"] = ""
    for action, subjects in by_act.items():
        audit.record_all(actor=audit.actor(by), action=action, subjects=subjects, detail={"import": row.pk})

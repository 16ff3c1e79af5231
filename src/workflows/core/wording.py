"""The engine's own sentences, in Vietnamese and English."""

from collections.abc import Sequence
from datetime import date

from workflows.core.case import Blocker
from workflows.core.civil import show_date
from workflows.core.documents import Role, Words

ROLES: dict[Role, Words] = {
    Role.COMMUNE_OFFICER: Words(vi="cán bộ cấp xã", en="commune officer"),
    Role.COMMUNE_POLICE: Words(vi="công an cấp xã", en="commune police"),
    Role.DISTRICT_COMMITTEE: Words(vi="UBND cấp huyện", en="district People's Committee"),
    Role.DISTRICT_POLICE: Words(vi="công an cấp huyện", en="district police"),
    Role.PROVINCIAL_POLICE: Words(vi="công an tỉnh", en="provincial police"),
    Role.DEPARTMENT: Words(vi="sở, ngành", en="department"),
    Role.PROVINCIAL_COMMITTEE: Words(vi="UBND tỉnh", en="provincial People's Committee"),
    Role.STEERING_COMMITTEE: Words(vi="Ban Chỉ đạo 138", en="Steering Committee 138"),
    Role.AUDITOR: Words(vi="kiểm tra viên", en="auditor"),
    Role.SYSTEM: Words(vi="hệ thống kết nối", en="connected system"),
    Role.AUTHOR: Words(vi="người soạn quy trình", en="author"),
    Role.ADMINISTRATOR: Words(vi="quản trị viên", en="administrator"),
}


def missing(labels: Sequence[Words]) -> Words:
    """Which figures or findings nobody has given yet."""
    return Words(
        vi=_cut("Chưa có thông tin: " + "; ".join(label.vi for label in labels)),
        en=_cut("Not known yet: " + "; ".join(label.en for label in labels)),
    )


def guard_failed(rule: Words) -> Words:
    """A condition that could not be evaluated."""
    return Words(vi=_cut(f"Không xét được điều kiện: {rule.vi}"), en=_cut(f"Could not be evaluated: {rule.en}"))


def wrong_state(found: Words, needed: Sequence[Words], *, state: str, states: Sequence[str]) -> Blocker:
    """The trigger is not defined in the case's state."""
    return Blocker(
        code="state",
        message=Words(
            vi=_cut(f"Hồ sơ đang ở trạng thái “{found.vi}”; bước này cần: {', '.join(f'“{w.vi}”' for w in needed)}"),
            en=_cut(f"The case is in state “{found.en}”; this step needs: {', '.join(f'“{w.en}”' for w in needed)}"),
        ),
        found=state,
        needed=list(states),
    )


def wrong_role(found: Role, needed: Sequence[Role]) -> Blocker:
    """The actor's role may not fire the trigger."""
    if needed:
        vi = f"Chỉ dành cho: {', '.join(ROLES[role].vi for role in needed)}; bạn là {ROLES[found].vi}"
        en = f"Only for: {', '.join(ROLES[role].en for role in needed)}; you act as {ROLES[found].en}"
    else:
        vi = "Bước này chỉ do hồ sơ khác kích hoạt, không ai tự thực hiện"
        en = "This step is only fired by other cases; nobody fires it by hand"
    return Blocker(
        code="role", message=Words(vi=_cut(vi), en=_cut(en)), found=found.value, needed=[role.value for role in needed]
    )


def wrong_unit(found: str, needed: str) -> Blocker:
    """The unit lies outside the actor's grant."""
    return Blocker(
        code="unit",
        message=Words(
            vi=f"Đơn vị {needed} nằm ngoài phạm vi được giao ({found})",
            en=f"Unit {needed} lies outside your grant ({found})",
        ),
        found=found,
        needed=needed,
    )


def four_eyes(person: str, trigger: str, title: Words) -> Blocker:
    """The same person has done what another one must have done."""
    return Blocker(
        code="four_eyes",
        message=Words(
            vi=_cut(f"Phải do người khác với người đã thực hiện bước “{title.vi}”"),
            en=_cut(f"Must be another person than the one who did “{title.en}”"),
        ),
        found={"person": person, "trigger": trigger},
        needed="another person",
    )


def too_early(today: date, first: date) -> Blocker:
    """The step has a first day, and it is not here yet."""
    return Blocker(
        code="too_early",
        message=Words(
            vi=f"Chưa đến ngày: sớm nhất là {show_date(first)}",
            en=f"Too early: {show_date(first)} at the earliest",
        ),
        found=today.isoformat(),
        needed=first.isoformat(),
    )


def not_in_force(what: Words, day: date, periods: Sequence[str]) -> Blocker:
    """Something has no validity on a date."""
    return Blocker(
        code="not_in_force",
        message=Words(
            vi=_cut(f"{what.vi} không có hiệu lực vào ngày {show_date(day)}"),
            en=_cut(f"{what.en} is not in force on {show_date(day)}"),
        ),
        found=day.isoformat(),
        needed=list(periods),
    )


def no_such_step(trigger: str, version: int, *, state: str) -> Blocker:
    """An effect fires what the version of the related case does not have."""
    return Blocker(
        code="state",
        message=Words(
            vi=f"Hồ sơ theo phiên bản {version} của quy trình, phiên bản này không có bước “{trigger}”",
            en=f"The case runs on version {version} of its workflow, which has no step “{trigger}”",
        ),
        found=state,
        needed=[],
    )


def compared(finding: Words, classes: Sequence[Words], *, holds: bool, agrees: bool | None) -> Words:
    """Whether a finding about a unit and the class that a table gives it say the same."""
    vi, en = (" / ".join(each) for each in ([each.vi for each in classes], [each.en for each in classes]))
    if agrees is None:
        told = Words(
            vi=f"Chưa so sánh được với “{finding.vi}”: phân loại chưa xác định",
            en=f"Cannot be compared with “{finding.en}” yet: the class is undetermined",
        )
    elif agrees:
        told = Words(vi=f"Thống nhất với “{finding.vi}”", en=f"Agrees with “{finding.en}”")
    elif holds:
        told = Words(
            vi=f"Không thống nhất: có “{finding.vi}” nhưng không thuộc loại “{vi}”",
            en=f"Disagreement: “{finding.en}” holds, but the class is not “{en}”",
        )
    else:
        told = Words(
            vi=f"Không thống nhất: thuộc loại “{vi}” nhưng không có “{finding.vi}”",
            en=f"Disagreement: the class is “{en}”, but “{finding.en}” does not hold",
        )
    return Words(vi=_cut(told.vi), en=_cut(told.en))


REASON = Words(vi="Cần nêu lý do", en="A reason must be given")
FIRST_DAY = Words(vi="Ngày sớm nhất tùy theo thông tin nhập vào", en="The first day depends on the input")


def _cut(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

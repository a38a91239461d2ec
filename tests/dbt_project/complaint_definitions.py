"""What the definitions say of complaints, in pandas: from the rows as loaded to what the marts must hold.

Written from docs/indikator.md, not from the models, so that a mistake in either shows as a difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

# The order in which events of the same second happened.
EVENT_ORDER = ("received", "verified", "handed_over", "answered", "closed", "rejected", "reopened")
EVENT_OF_ACTION = {
    "Diterima": "received",
    "Verifikasi": "verified",
    "Disposisi": "handed_over",
    "Bukan Wewenang": "handed_over",
    "Tindak Lanjut": "answered",
    "Buka Kembali": "reopened",
    "Selesai": "closed",
    "Ditolak": "rejected",
    "Arsipkan": "rejected",
}
DECIDING = ("closed", "rejected", "reopened")
VERIFICATION, FIRST_RESPONSE, SILENT_CLOSING = 3, 5, 10
COMPLETION = {"light": 2, "normative": 5, "without_supervision": 14, "with_supervision": 60}
REPEAT_WINDOW = pd.Timedelta(days=90)


@dataclass(frozen=True)
class Calendar:
    """Working days of Monday to Friday without the days off."""

    days_off: np.ndarray

    def between(self, start: pd.Series, end: pd.Series) -> pd.Series:
        """Working days after the first day up to the last; empty where a day is missing or time runs back."""
        result = pd.Series(np.nan, start.index)
        fits = start.notna() & end.notna() & (end >= start)
        first, last = _days(start[fits]) + 1, _days(end[fits]) + 1
        result[fits] = np.busday_count(first, last, holidays=self.days_off)
        return result

    def after(self, start: pd.Series, count: pd.Series | int) -> pd.Series:
        """The day that is so many working days later."""
        result = pd.Series(pd.NaT, start.index, dtype="datetime64[ns]")
        known = start.notna()
        counts = pd.Series(count, start.index)[known].to_numpy().astype(int)
        begin = np.busday_offset(_days(start[known]), 0, roll="backward", holidays=self.days_off)
        result[known] = np.busday_offset(begin, counts, holidays=self.days_off).astype("datetime64[ns]")
        return result


def _days(moments: pd.Series) -> np.ndarray:
    return moments.to_numpy().astype("datetime64[D]")


def name_key(names: pd.Series) -> pd.Series:
    """Spelling reduced to letters and digits."""
    return names.str.lower().str.replace("&", "dan").str.replace(r"[^a-z0-9]", "", regex=True)


def newest_rows(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """One row a key: the later month counts, and in one file the lower line."""
    return rows.sort_values(["period", "_row_no"]).drop_duplicates(key, keep="last").reset_index(drop=True)


def events(tickets: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """Every event of every ticket, numbered."""
    logged = log[log["ticket_no"].isin(tickets["ticket_no"])]
    logged = logged.assign(event_type=logged["action"].map(EVENT_OF_ACTION), occurred_at=logged["logged_at"])
    logged = logged.dropna(subset=["event_type"])
    is_rejected = tickets["status"] == "Ditolak"
    own = {
        "received": tickets["received_at"],
        "verified": tickets["verified_at"],
        "answered": tickets["first_response_at"],
        "closed": tickets["closed_at"].where(~is_rejected),
        "rejected": tickets["closed_at"].where(is_rejected),
    }
    told = set(zip(logged["ticket_no"], logged["event_type"], strict=True))
    parts = [
        logged[["ticket_no", "event_type", "occurred_at", "log_no", "institution_from", "institution_to"]]
    ]
    for event_type, moments in own.items():
        part = pd.DataFrame(
            {"ticket_no": tickets["ticket_no"], "event_type": event_type, "occurred_at": moments}
        ).dropna()
        parts.append(part[[(ticket, event_type) not in told for ticket in part["ticket_no"]]])
    found = pd.concat(parts, ignore_index=True)
    found["rank"] = found["event_type"].map(EVENT_ORDER.index)
    found = found.sort_values(["ticket_no", "occurred_at", "rank", "log_no"], ignore_index=True)
    found["event_no"] = found.groupby("ticket_no").cumcount() + 1
    return found


def complaints(
    tickets: pd.DataFrame,
    found: pd.DataFrame,
    categories: pd.DataFrame,
    calendar: Calendar,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """One row a ticket, indexed by its number; times are local and without a zone."""
    all_of = tickets.set_index("ticket_no")
    received = all_of["received_at"]

    def first(event_type: str) -> pd.Series:
        mine = found[found["event_type"] == event_type]
        return mine.groupby("ticket_no")["occurred_at"].first().reindex(all_of.index)

    def last(event_type: str) -> pd.Series:
        mine = found[found["event_type"] == event_type]
        return mine.groupby("ticket_no")["occurred_at"].last().reindex(all_of.index)

    def count(event_type: str) -> pd.Series:
        mine = found[found["event_type"] == event_type]
        return mine.groupby("ticket_no").size().reindex(all_of.index, fill_value=0)

    deciding = found[found["event_type"].isin(DECIDING)].groupby("ticket_no").last().reindex(all_of.index)
    decision = deciding["event_type"]
    told_done = all_of["status"].isin(["Selesai", "Ditolak"])
    is_open = (decision == "reopened") | (decision.isna() & ~told_done)
    is_rejected = (decision == "rejected") | (decision.isna() & (all_of["status"] == "Ditolak"))
    is_closed = ~is_open & ~is_rejected

    verified, answered, closed = first("verified"), first("answered"), last("closed")
    last_answer = last("answered")
    result = pd.DataFrame(index=all_of.index)
    result["is_open"] = is_open
    result["is_rejected"] = is_rejected
    result["verification_days"] = calendar.between(received, verified)
    result["first_response_days"] = calendar.between(received, answered)
    result["completion_days"] = calendar.between(received, closed.where(is_closed))

    keyed = name_key(all_of["category"].fillna(""))
    by_key = categories.assign(key=name_key(categories["lapor_category"])).drop_duplicates("key")
    supervised = keyed.map(by_key.set_index("key")["has_supervision_content"]).fillna(False).astype(bool)
    result["completion_class"] = np.select(
        [
            all_of["classification"] == "Permintaan Informasi",
            all_of["classification"] == "Aspirasi",
            (all_of["classification"] == "Pengaduan") & supervised,
        ],
        ["light", "normative", "with_supervision"],
        "without_supervision",
    )
    result["completion_target_days"] = result["completion_class"].map(COMPLETION)
    result["first_response_due_on"] = calendar.after(received, FIRST_RESPONSE)
    result["completion_due_on"] = calendar.after(received, result["completion_target_days"])

    def on_time(has: pd.Series, days: pd.Series, target: pd.Series | int, due_on: pd.Series) -> pd.Series:
        flag = pd.Series(None, all_of.index, dtype=object)
        measured = has & days.notna()
        flag[measured] = (days <= target)[measured]
        flag[~has & is_open & (as_of > due_on)] = False
        return flag

    result["is_verification_on_time"] = on_time(
        verified.notna(), result["verification_days"], VERIFICATION, calendar.after(received, VERIFICATION)
    )
    result["is_first_response_on_time"] = on_time(
        answered.notna(), result["first_response_days"], FIRST_RESPONSE, result["first_response_due_on"]
    )
    result["is_completion_on_time"] = on_time(
        is_closed & closed.notna(),
        result["completion_days"],
        result["completion_target_days"],
        result["completion_due_on"],
    )
    result["is_overdue"] = is_open & (as_of > result["completion_due_on"])

    answers = found[found["event_type"] == "answered"].groupby("ticket_no")["event_no"].last()
    reopenings = found[found["event_type"] == "reopened"].groupby("ticket_no")["event_no"].last()
    was_reopened = reopenings.reindex(all_of.index) > answers.reindex(all_of.index)
    waiting_since = last_answer.where(~was_reopened)
    result["silent_close_due_on"] = calendar.after(waiting_since, SILENT_CLOSING)
    result["is_silent_close_due"] = is_open & (as_of > result["silent_close_due_on"])
    result["was_closed_silently"] = is_closed & (calendar.between(last_answer, closed) >= SILENT_CLOSING)

    result["handover_count"] = count("handed_over")
    result["reopened_count"] = count("reopened")
    broken = found[found["occurred_at"] < found["ticket_no"].map(received)]
    result["is_time_order_broken"] = all_of.index.isin(broken["ticket_no"])

    named = found[(found["event_type"] == "handed_over") & found["institution_to"].notna()]
    held_since = named.groupby("ticket_no")["occurred_at"].last().reindex(all_of.index).fillna(received)
    decided_at = deciding["occurred_at"].where(decision.isin(["closed", "rejected"]))
    result["days_at_opd"] = calendar.between(held_since, decided_at)
    result["opd_spelling"] = (
        named.groupby("ticket_no")["institution_to"].last().reindex(all_of.index).fillna(all_of["opd_name"])
    )
    result["first_opd_spelling"] = (
        named.groupby("ticket_no")["institution_to"].first().reindex(all_of.index).fillna(all_of["opd_name"])
    )
    result["repeat_no"] = _repeat_no(all_of)
    result["is_repeat"] = result["repeat_no"] > 1
    result["received_month_on"] = received.dt.to_period("M").dt.start_time
    last_event = found.groupby("ticket_no")["occurred_at"].max().reindex(all_of.index)
    latest = pd.concat([last_event, received], axis=1).max(axis=1).dt.normalize()
    result["data_date"] = latest.groupby(result["received_month_on"]).transform("max")
    return result


def _repeat_no(tickets: pd.DataFrame) -> pd.Series:
    """1 + earlier tickets of the same reporter and category of at most 90 days before."""
    reporter = tickets["reporter_nik_key"].fillna(tickets["reporter_phone_key"])
    result = pd.Series(np.nan, tickets.index)
    known = tickets[reporter.notna() & tickets["category"].notna()].reset_index()
    keys = [reporter.reindex(known["ticket_no"]).to_numpy(), known["category"].to_numpy()]
    known = known.sort_values(["received_at", "ticket_no"])
    for _, group in known.groupby([pd.Series(key, known.index) for key in _aligned(keys, known)]):
        days = group["received_at"].dt.normalize().to_list()
        for place, ticket in enumerate(group["ticket_no"]):
            earlier = [day for day in days[:place] if days[place] - day <= REPEAT_WINDOW]
            result[ticket] = 1 + len(earlier)
    return result


def _aligned(keys: list[np.ndarray], frame: pd.DataFrame) -> list[np.ndarray]:
    """Values written for rows 0, 1, 2 … in the order in which the frame stands now."""
    return [key[frame.index.to_numpy()] for key in keys]

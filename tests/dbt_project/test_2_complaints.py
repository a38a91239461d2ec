"""Complaints, computed again in pandas from the rows as loaded and compared with the marts cell by cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ingestion import settings

from . import complaint_definitions as definitions
from .cells import assert_cells_equal

SEEDS = settings.ROOT / "dbt_project" / "seeds"
ZONE = "Asia/Jakarta"
# The last working day of each age but the oldest.
AGES = (5, 14, 30, 60)


@pytest.fixture(scope="module")
def calendar():
    days = pd.read_csv(SEEDS / "holiday.csv")
    return definitions.Calendar(np.array(days["date_on"], dtype="datetime64[D]"))


@pytest.fixture(scope="module")
def tickets(sample_marts):
    return definitions.newest_rows(sample_marts.current("diskominfo__aduan"), ["ticket_no"])


@pytest.fixture(scope="module")
def found(sample_marts, tickets):
    log = definitions.newest_rows(sample_marts.current("diskominfo__aduan_riwayat"), ["ticket_no", "log_no"])
    return definitions.events(tickets, log)


@pytest.fixture(scope="module")
def as_of(sample_marts):
    """Both sources reach at least this far."""
    register = sample_marts.current("diskominfo__aduan")["received_at"].max()
    log = sample_marts.current("diskominfo__aduan_riwayat")["logged_at"].max()
    return min(register, log).normalize()


@pytest.fixture(scope="module")
def expected(tickets, found, calendar, as_of):
    categories = pd.read_csv(SEEDS / "complaint_category.csv")
    return definitions.complaints(tickets, found, categories, calendar, as_of)


@pytest.fixture(scope="module")
def marts(sample_frames):
    return sample_frames["fct_complaint"].set_index("ticket_no")


def local(moments):
    return pd.to_datetime(moments, utc=True).dt.tz_convert(ZONE).dt.tz_localize(None)


def opd_of(sample_marts, spellings, days):
    """Code of the agency that a spelling meant on a day."""
    known = sample_marts.frame(
        "select name_key, opd_code, valid_from, least(valid_to, '9999-12-31') as valid_to"
        " from intermediate.int_shared__opd_name"
    )
    asked = pd.DataFrame({"key": definitions.name_key(spellings.fillna("")), "day": days.dt.date})
    asked["place"] = range(len(asked))
    joined = asked.merge(known, left_on="key", right_on="name_key")
    joined = joined[(joined["day"] >= joined["valid_from"]) & (joined["day"] <= joined["valid_to"])]
    codes = joined.set_index("place")["opd_code"].reindex(range(len(asked))).fillna("unknown")
    return pd.Series(codes.to_numpy(), spellings.index)


def test_the_samples_hold_what_the_definitions_are_about(expected, found):
    assert set(found["event_type"]) == set(definitions.EVENT_ORDER)
    for flag in ("is_open", "is_rejected", "is_overdue", "is_silent_close_due", "was_closed_silently"):
        assert expected[flag].any() and not expected[flag].all(), flag
    assert expected["is_time_order_broken"].any()
    assert expected["reopened_count"].max() >= 1 and expected["handover_count"].max() >= 2
    assert set(expected["completion_class"]) == set(definitions.COMPLETION)


def test_every_complaint_cell_by_cell(sample_marts, tickets, expected, marts):
    wanted = expected.drop(columns=["opd_spelling", "first_opd_spelling"])
    days = tickets.set_index("ticket_no")["received_at"].dt.normalize()
    wanted["opd_code"] = opd_of(sample_marts, expected["opd_spelling"], days)
    wanted["first_opd_code"] = opd_of(sample_marts, expected["first_opd_spelling"], days)
    assert_cells_equal(marts, wanted)


def test_every_event_cell_by_cell(sample_marts, sample_frames, tickets, found):
    days = found["ticket_no"].map(tickets.set_index("ticket_no")["received_at"]).dt.normalize()
    wanted = found[["ticket_no", "event_no", "event_type", "occurred_at"]].copy()
    for side in ("from", "to"):
        named = found[f"institution_{side}"]
        wanted[f"{side}_opd_code"] = opd_of(sample_marts, named, days).where(named.notna())
    actual = sample_frames["fct_complaint_event"]
    actual = actual.assign(occurred_at=local(actual["occurred_at"]))
    key = ["ticket_no", "event_no"]
    assert_cells_equal(actual.set_index(key), wanted.set_index(key))


def month_key(frame, columns):
    return frame.assign(month_on=pd.to_datetime(frame["month_on"])).set_index(columns)


def are_true(flags):
    return int(flags.eq(True).sum())


def counts(groups):
    return pd.DataFrame(
        {
            "received_count": groups.size(),
            "closed_count": groups.apply(lambda part: int((~part["is_open"] & ~part["is_rejected"]).sum())),
            "open_count": groups["is_open"].sum(),
            "overdue_count": groups["is_overdue"].sum(),
            "first_response_on_time_count": groups["is_first_response_on_time"].agg(are_true),
            "first_response_decided_count": groups["is_first_response_on_time"].count(),
            "completion_on_time_count": groups["is_completion_on_time"].agg(are_true),
            "completion_decided_count": groups["is_completion_on_time"].count(),
        }
    )


@pytest.mark.parametrize(
    ("mart", "columns"),
    [
        ("agg_complaint_month", ["month_on", "opd_code", "category", "channel"]),
        ("agg_complaint_kecamatan_month", ["month_on", "kecamatan_code"]),
    ],
)
def test_sums_by_month(sample_frames, expected, marts, mart, columns):
    frame = sample_frames[mart]
    facts = expected.assign(month_on=expected["received_month_on"])
    dimensions = [name for name in columns if name != "month_on"]
    facts = facts.join(marts[dimensions].fillna({"kecamatan_code": "unknown"}))
    wanted = counts(facts.groupby(columns))
    actual = month_key(frame, columns)
    assert_cells_equal(actual, wanted[[name for name in wanted if name in actual]])


def test_the_funnel_counts_every_step_once_a_ticket(sample_frames, expected, marts, found):
    reached = found.drop_duplicates(["ticket_no", "event_type"])
    steps = pd.crosstab(reached["ticket_no"], reached["event_type"]).reindex(expected.index, fill_value=0)
    # The end of the way is where a ticket stands now: one that was opened again is not closed.
    ended = {"closed": ~expected["is_open"] & ~expected["is_rejected"], "rejected": expected["is_rejected"]}
    facts = steps.assign(
        month_on=expected["received_month_on"], opd_code=marts["opd_code"], received=1, **ended
    )
    wanted = facts.groupby(["month_on", "opd_code"]).sum().add_suffix("_count")
    medians = expected.assign(month_on=expected["received_month_on"], opd_code=marts["opd_code"])
    clocks = ["verification_days", "first_response_days", "completion_days"]
    medians = medians.groupby(["month_on", "opd_code"])[clocks].median()
    actual = month_key(sample_frames["agg_complaint_funnel_month"], ["month_on", "opd_code"])
    assert_cells_equal(actual, wanted[[name for name in wanted if name in actual]])
    named = {name: f"median_{name}" for name in clocks}
    assert_cells_equal(actual, medians.rename(columns=named))


def test_open_cases_by_age(sample_frames, tickets, expected, marts, calendar, as_of):
    received = tickets.set_index("ticket_no")["received_at"]
    still_open = expected[expected["is_open"]]
    age = calendar.between(received.dt.normalize(), pd.Series(as_of, received.index)).fillna(0)
    facts = still_open.assign(
        month_on=still_open["received_month_on"],
        opd_code=marts["opd_code"],
        age_bucket_no=np.searchsorted(AGES, age[still_open.index], side="left") + 1,
    )
    key = ["month_on", "opd_code", "age_bucket_no"]
    groups = facts.groupby(key)
    wanted = pd.DataFrame(
        {
            "open_count": groups.size(),
            "overdue_count": groups["is_overdue"].sum(),
            "silent_close_due_count": groups["is_silent_close_due"].sum(),
        }
    )
    actual = month_key(sample_frames["agg_complaint_ageing"], key)
    assert_cells_equal(actual[actual["open_count"] > 0], wanted)


@pytest.mark.parametrize(
    ("kpi_code", "flag", "due"),
    [
        ("complaint_completion_on_time_pct", "is_completion_on_time", "completion_due_on"),
        ("complaint_first_response_on_time_pct", "is_first_response_on_time", "first_response_due_on"),
    ],
)
def test_shares_in_time_by_the_month_of_the_deadline(sample_frames, expected, as_of, kpi_code, flag, due):
    decided = expected[(expected[due] <= as_of) & expected[flag].notna()]
    months = decided[due].dt.to_period("M").dt.start_time
    wanted = 100 * decided[flag].astype(float).groupby(months).mean()
    actual = sample_frames["agg_kpi_period"]
    actual = actual[(actual["kpi_code"] == kpi_code) & actual["value"].notna()]
    assert len(wanted) >= 24
    actual = actual.assign(period_on=pd.to_datetime(actual["period_on"])).set_index("period_on")
    assert_cells_equal(actual, wanted.rename("value").rename_axis("period_on").to_frame())

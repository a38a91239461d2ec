"""Write, audit, publish: only changed slices are built, and nothing untested is ever seen.

The budget stands for every domain; it has a server of its own, because these tests break and kill builds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from deploy import transform
from ingestion import ledger, load, reference, sample, settings
from tests.dbt_project.conftest import AS_OF, Marts

HEADER = "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA"
MARTS = ("fct_budget_realisation_month", "agg_budget_opd_month", "fct_regional_budget_month")
BUILD = ["build", "--selector", "budget", "--exclude-resource-type", "unit_test"]
TAKEN_OVER = "sedang dibangun oleh proses lain"


class Budget(Marts):
    """The marts of the budget."""

    def execute(self, statement: str, role: str = "transformer") -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(settings.dsn(role))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def fingerprints(self) -> dict[str, tuple[Any, ...]]:
        """Mart → number and digest of its rows."""
        return {
            name: self.execute(
                "select count(*), md5(string_agg(row::text, '|' order by row::text))"
                f" from marts.{name} as row"
            )[0]
            for name in MARTS
        }

    def deliver(self, year: int, month: int, revenue: int) -> None:
        """Load a month of a neighbouring government; a later call for the month corrects it."""
        # Without zeros in front the name's time of change decides which file is the newer version.
        path = self.target.parent / f"djpb_apbd_{year}-{month:02}.csv"
        line = f"{year};{month};28/{month:02}/{year};Kab. Uji;{revenue};900;0;100"
        path.write_bytes(f"{HEADER}\r\n{line}\r\n".encode())
        assert load.load_file(path).status == "loaded"

    def revenue(self, year: int, month: int) -> list[int]:
        rows = self.execute(
            "select revenue_cumulative_idr::integer from marts.fct_regional_budget_month"
            f" where government_name = 'Kab. Uji' and month_on = '{year}-{month:02}-01'"
        )
        return [value for (value,) in rows]


@pytest.fixture(scope="module")
def budget(new_warehouse: Any) -> Iterator[Budget]:
    """Sample budgets and two years of a neighbour, published."""
    with new_warehouse("pendopo-wap-") as warehouse:
        ledger.register_contracts()
        reference.apply_region()
        budget = Budget(warehouse.home)
        budget.target.mkdir()
        for path in sorted(sample.generate(warehouse.home / "samples", as_of=AS_OF, scale=0.02)):
            if "bpkad" in path.parts:
                load.load_file(path)
        for month in (1, 2):
            budget.deliver(2004, month, 100 * month)
            budget.deliver(2005, month, 1000 * month)
        budget.dbt(["build", "--selector", "shared"], BUILD)
        yield budget


def test_readers_keep_their_rights_and_never_see_a_candidate(budget: Budget) -> None:
    for mart in MARTS:
        assert budget.execute(f"select count(*) > 0 from marts.{mart}", "bi_staff") == [(True,)]
        assert budget.execute(f"select count(*) > 0 from marts.{mart}", "publisher") == [(True,)]
    for role in ("bi_staff", "bi_public", "publisher", "wall", "loader"):
        assert budget.execute(f"select has_schema_privilege('{role}', 'candidate', 'usage')") == [(False,)]


def test_only_the_slices_of_a_corrected_file_are_built(budget: Budget) -> None:
    untouched = "select md5(string_agg(xmin::text || ctid::text, ',' order by ctid)) from {} where {}"
    old = untouched.format("marts.fct_regional_budget_month", "month_on < '2005-01-01'")
    other = untouched.format("marts.fct_budget_realisation_month", "true")
    before = budget.execute(old) + budget.execute(other)
    budget.deliver(2005, 1, 1111)
    budget.dbt(BUILD)
    assert budget.execute(old) + budget.execute(other) == before
    assert budget.revenue(2005, 1) == [1111] and budget.revenue(2005, 2) == [2000]
    built = (
        "select min(month_on)::text, max(month_on)::text, count(*) from candidate.fct_regional_budget_month"
    )
    assert budget.execute(built) == [("2005-01-01", "2005-02-01", 2)]
    assert budget.execute("select count(*) from candidate.fct_budget_realisation_month") == [(0,)]


def test_without_news_nothing_is_built(budget: Budget) -> None:
    before = budget.fingerprints()
    budget.dbt(BUILD)
    assert {budget.execute(f"select count(*) from candidate.{mart}")[0][0] for mart in MARTS} == {0}
    assert budget.fingerprints() == before
    assert "budget" not in transform.behind()


def test_a_load_that_was_finished_after_one_with_a_higher_id_is_built(budget: Budget) -> None:
    """As if the file of January 2004 had still been on its way while all later ones were published."""
    budget.execute(
        "update marts.fct_regional_budget_month set revenue_cumulative_idr = 0 where year_no = 2004"
    )
    budget.execute(
        "delete from ops.published_load where load_id = (select load_id from ops.slice"
        " where slice_key = '2004/1/Kab. Uji')"
    )
    budget.execute("delete from ops.published_slice where slice_key = '2004/1/Kab. Uji'")
    assert "budget" in transform.behind()
    budget.dbt(BUILD)
    assert budget.revenue(2004, 1) == [100]
    assert budget.execute("select distinct year_no from candidate.fct_regional_budget_month") == [(2004,)]


def test_a_failed_test_leaves_every_mart_as_it_was_and_says_so(budget: Budget) -> None:
    before = budget.fingerprints()
    published = budget.execute("select load_id from ops.published_load order by 1")
    budget.deliver(2005, 1, 1222)
    # The test that every agency is known fails when none is.
    budget.execute("create table intermediate.kept as table marts.dim_opd; delete from marts.dim_opd")
    # As if all months of the agencies had changed.
    budget.execute("delete from ops.published_slice where source_id = 'bpkad__realisasi_apbd'")
    result = budget.attempt(BUILD)
    assert result.returncode != 0 and "relationships" in result.stdout
    assert budget.execute("select count(*) > 0 from candidate.fct_budget_realisation_month") == [(True,)]
    assert budget.fingerprints() == before
    assert budget.execute("select status from ops.run_domain where domain = 'budget'") == [("failed",)]
    assert budget.execute("select load_id from ops.published_load order by 1") == published
    budget.execute("insert into marts.dim_opd table intermediate.kept; drop table intermediate.kept")
    assert "budget" in transform.behind()
    budget.dbt(BUILD)
    assert budget.revenue(2005, 1) == [1222]


def test_a_full_rebuild_waits_for_a_reader_and_equals_what_slices_made(budget: Budget) -> None:
    before = budget.fingerprints()
    reader = psycopg2.connect(settings.dsn("bi_staff"))
    reader.cursor().execute("select count(*) from marts.fct_regional_budget_month")
    waits = "select count(*) > 0 from pg_locks where not granted and relation = 'marts.{}'::regclass".format(
        "fct_regional_budget_month"
    )
    with reader, budget.start([*BUILD, "--full-refresh"]) as process:
        deadline = time.monotonic() + 180
        while budget.execute(waits) == [(False,)]:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        reader.rollback()
        output, _ = process.communicate()
    reader.close()
    assert process.returncode == 0, output[-6000:]
    assert budget.fingerprints() == before
    for mart in MARTS:
        assert budget.execute(f"select count(*) > 0 from marts.{mart}", "bi_staff") == [(True,)]


def test_a_part_of_a_domain_is_not_published_and_two_domains_are_refused(budget: Budget) -> None:
    before = budget.fingerprints()
    budget.deliver(2005, 1, 1333)
    budget.dbt(
        ["build", "--select", "+fct_regional_budget_month,path:models/*/budget"],
        [*BUILD, "--exclude-resource-type", "test"],
        ["run", "--selector", "budget"],
    )
    assert budget.fingerprints() == before
    result = budget.attempt(["build", "--select", "path:models/*/budget", "path:models/*/poverty"])
    assert result.returncode != 0 and "Satu perintah membangun satu domain" in result.stdout
    budget.dbt(BUILD)
    assert budget.revenue(2005, 1) == [1333]


def test_a_killed_build_publishes_nothing(budget: Budget) -> None:
    before = budget.fingerprints()
    budget.deliver(2005, 1, 1444)
    # A candidate of this build, not what an earlier one left.
    candidates = (
        "select relation.oid from pg_class as relation"
        " where relation.relnamespace = 'candidate'::regnamespace and relation.relkind = 'r'"
        " and relation.relname in ('fct_budget_realisation_month', 'fct_regional_budget_month')"
    )
    earlier = set(budget.execute(candidates))
    with budget.start(BUILD) as process:
        deadline = time.monotonic() + 180
        while not set(budget.execute(candidates)) - earlier:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    assert budget.fingerprints() == before
    assert "budget" in transform.behind()
    budget.dbt(BUILD)
    assert budget.revenue(2005, 1) == [1444]


def test_of_two_builds_at_once_one_publishes_and_the_other_harms_nothing(budget: Budget) -> None:
    budget.deliver(2005, 1, 1555)
    processes = []
    for name in ("first", "second"):
        folder = budget.target.parent / name
        folder.mkdir()
        processes.append(budget.start(BUILD, target=folder))
    outputs = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes, outputs
    for code, output in zip(codes, outputs, strict=True):
        assert code == 0 or TAKEN_OVER in output, output[-3000:]
    assert budget.revenue(2005, 1) == [1555]
    assert "budget" not in transform.behind()
    published = budget.fingerprints()
    budget.dbt([*BUILD, "--full-refresh"])
    assert budget.fingerprints() == published

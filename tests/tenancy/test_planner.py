"""What the planner knows after an import, and questions that take too long."""

from django.db import connection

from crm.imports import load_community


def test_after_an_import_the_planner_knows_how_many_rows_there_are(db, tmp_path):
    """Before its transaction ends, since the COMMIT looks up what each row names."""
    lines = "".join(f"林{at},lin_{at:04},{at % 2 + 1}群\n" for at in range(300))
    tmp_path.joinpath("members.csv").write_text("昵称,微信号,所在群\n" + lines, encoding="utf-8")
    history = "届,群,微信号\n2026上半年,会员1群,lin_0001\n2026上半年,会员2群,lin_0002\n"
    tmp_path.joinpath("cohorts.csv").write_text(history, encoding="utf-8")

    loaded = load_community(tmp_path, "lin")

    assert loaded.counts["people"] == 300
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, reltuples FROM pg_class WHERE relname IN ('members_member', 'members_handle', 'groups_placement')")
        known = dict(cursor.fetchall())
    assert {name: rows >= 300 for name, rows in known.items()} == {"members_member": True, "members_handle": True, "groups_placement": True}


def test_nothing_but_that_is_done_in_the_owners_name(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, proacl::text FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace")
        assert cursor.fetchall() == [("learn_table", "{owner=X/owner,app=X/owner}")]


def test_a_question_that_takes_too_long_is_broken_off_with_a_sentence(owner, api, migrating_login, settings):
    settings.REQUEST_PATIENCE = "50ms"
    with migrating_login.cursor() as cursor:
        cursor.execute("LOCK TABLE members_segment IN ACCESS EXCLUSIVE MODE")

        page, program = owner.get("/members/", headers={"Accept-Language": "en"}), api.get("/segments/")

    assert (page.status_code, "This took too long" in page.content.decode()) == (503, True)
    assert (program.status_code, program.json()["code"]) == (503, "took_too_long")
    assert owner.get("/").status_code == 200

"""Globals that cannot be: one sentence with the key and the fix."""

import sys
import zoneinfo
from pathlib import Path

import pytest
from globals_files import Make, answering, problem, refusal

from kedro_aws_plugin.config.dynamic_globals import GlobalError
from kedro_aws_plugin.config.injection import resolve

KNOWN = "Known keys here:"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            "acount_id",
            "`globals.a`: `acount_id` is not something that can be computed; did you mean `account_id`?",
        ),
        (
            "5",
            "`globals.a`: `5` is not something that can be computed; write a constant in globals.yml "
            "instead.",
        ),
        (
            "{todya: {}}",
            "unknown key `globals.a.todya`; did you mean `today`? "
            f"{KNOWN} fact, text, today, date, env, ssm, secret, function.",
        ),
        (
            "{date: {offset_day: 1}}",
            "unknown key `globals.a.date.offset_day`; did you mean `offset_days`? "
            f"{KNOWN} timezone, format, offset_days.",
        ),
        ("{date: {timezone: UTC}}", "`globals.a.date.offset_days` is missing. Add it."),
        *(
            (
                f"{{today: {{format: 'x/{directive}'}}}}",
                f"`globals.a.today.format`: strftime does not know `{directive}` in `x/{directive}`; a day "
                "is `%Y-%m-%d`, and `%%` is a per cent sign.",
            )
            for directive in ("%Q", "%-J", "%", "%é")
        ),
        (
            "{today: {timezone: Asia/Singapor}}",
            "`globals.a.today.timezone`: `Asia/Singapor` is not a time zone; did you mean `Asia/Singapore`?",
        ),
        (
            "{today: {timezone: ../../etc/passwd}}",
            "`globals.a.today.timezone`: `../../etc/passwd` is not a time zone; one looks like "
            "`Europe/Berlin`.",
        ),
        (
            "{today: {}, env: {name: X}}",
            "`globals.a`: expected one of fact, text, today, date, env, ssm, secret, function; "
            "found `today` and `env`.",
        ),
        (
            "{}",
            "`globals.a`: expected one of fact, text, today, date, env, ssm, secret, function; "
            "found nothing.",
        ),
        (
            "{function: flights.values}",
            "`globals.a.function`: `flights.values` is not a function; one looks like "
            "my_package.dates:business_day.",
        ),
        ("x/${globals:stag}", "`globals.a`: there is no global `stag`; did you mean `stage`? ADD"),
        ("x/${globals:a}", "`globals.a`: the globals refer to one another in a circle: a -> a."),
        (
            "x/${globals:b}\nb: {ssm: {name: '${globals:c}'}}\nc: ${globals:a}",
            "`globals.a`: the globals refer to one another in a circle: a -> b -> c -> a.",
        ),
    ],
)
def test_a_wrong_one_is_refused_in_one_sentence(make: Make, spec: str, sentence: str) -> None:
    expected = sentence.replace("ADD", "Add it to globals.yml, or to `globals:` in aws.yml.")
    files = {"base/globals.yml": "stage: dev\n"}
    assert refusal(make, f"a: {spec}", files=files) == f"conf/base/aws.yml: {expected}"


def test_a_typing_error_in_params_is_refused(make: Make) -> None:
    files = {"base/globals.yml": "stage: dev\n"}
    specs = "nightly_prefix: x/${globals:stage}\n"
    assert refusal(make, specs, files=files, globals={"nightly_prefx": "x"}) == (
        "--params: there is no global `nightly_prefx`; did you mean `nightly_prefix`? Correct the name, or "
        "declare `nightly_prefx` in globals.yml."
    )
    assert refusal(make, specs, files=files, globals={"stgae": "x"}).startswith(
        "--params: there is no global `stgae`; did you mean `stage`?"
    )


def test_a_global_that_only_params_give_is_allowed(make: Make) -> None:
    make("nightly_prefix: x/${globals:given,nothing}\n", globals={"given": "word", "nightly_prefix": "y"})
    assert (resolve("given"), resolve("nightly_prefix")) == ("word", "y")


def test_a_wrong_name_is_refused(make: Make) -> None:
    assert refusal(make, "_a: today") == (
        "conf/base/aws.yml: `globals._a`: `_a` is not the name of a global: letters, digits and underscores, "
        "a letter first."
    )


def test_without_a_time_zone_database_it_says_how_to_get_one(
    make: Make, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
    request.addfinalizer(lambda: zoneinfo.reset_tzpath(before))
    assert refusal(make, "a: {today: {timezone: Asia/Tokyo}}") == (
        "conf/base/aws.yml: `globals.a.today.timezone`: this machine has no time zone database; "
        "run `pip install tzdata`."
    )


def test_an_unknown_global_is_named_with_the_key_that_refers_to_it(make: Make) -> None:
    loader = make(
        "nightly: today\n",
        files={"base/catalog.yml": "x: {filepath: 'data/${globals:nigthly}/x.csv'}\n"},
    )
    with pytest.raises(GlobalError) as refused:
        loader["catalog"]
    assert refused.value.format_message() == (
        "`x.filepath`: there is no global `nigthly`; did you mean `nightly`? "
        "Add it to globals.yml, or to `globals:` in aws.yml."
    )


def test_a_global_with_a_default_need_not_exist(make: Make) -> None:
    make("a: x/${globals:stage,dev}\n")
    assert resolve("a") == "x/dev"


def test_an_environment_variable_that_is_not_set_matters_to_who_refers_to_it(make: Make) -> None:
    make("a: {env: {name: FLIGHTS_NOWHERE}}\nb: run_id\n")
    assert resolve("b")
    assert problem("a") == (
        "`globals.a`: the environment variable FLIGHTS_NOWHERE is not set. Set it, or add a `default`."
    )


@pytest.mark.parametrize(
    ("text", "path", "sentence"),
    [
        (
            "def f(): raise ValueError('no day\\nmore')",
            "flights_values:f",
            "`flights_values:f` raised ValueError: no day. Correct the function.",
        ),
        (
            "def day(): return 1",
            "flights_values:dya",
            "`flights_values` has no function `dya`; did you mean `flights_values:day`?",
        ),
        ("x = 1", "flights_values:f", "`flights_values` has no function `f`. Define it there."),
        ("g = 1\ngg = 1", "flights_values:g", "`flights_values` has no function `g`. Define it there."),
        (
            "import sys\ndef f(): sys.exit(3)",
            "flights_values:f",
            "`flights_values:f` raised SystemExit: 3. Correct the function.",
        ),
        (
            "raise SystemExit",
            "flights_values:f",
            "`flights_values:f` cannot be imported: SystemExit. Correct the module.",
        ),
        (
            "import datetime\ndef f(): return {'a': [0, {'b': datetime.date.today()}]}",
            "flights_values:f",
            "`flights_values:f` returned a dict with a date in it. Return text, a number, a list or a "
            "dictionary.",
        ),
        (
            "def f(): return {(1, 2): 3}",
            "flights_values:f",
            "`flights_values:f` returned a dict with a tuple in it. Return text, a number, a list or a "
            "dictionary.",
        ),
        (
            "import datetime\ndef f(): return datetime.date.today()",
            "flights_values:f",
            "`flights_values:f` returned a date. Return text, a number, a list or a dictionary.",
        ),
        (
            "import flights_nothing",
            "flights_values:f",
            "`flights_values:f` cannot be imported: ModuleNotFoundError: No module named 'flights_nothing'. "
            "Install it.",
        ),
        (
            "1/0",
            "flights_values:f",
            "`flights_values:f` cannot be imported: ZeroDivisionError: division by zero. Correct the module.",
        ),
        (
            "",
            "flights_absent.dates:f",
            "there is no module `flights_absent` for `flights_absent.dates:f`. Correct the name, or add the "
            "module to src/.",
        ),
    ],
)
def test_a_function_that_does_not_do(make: Make, module: Path, text: str, path: str, sentence: str) -> None:
    module.write_text(text)
    answering(make(f"a: {{function: '{path}'}}\n"))
    assert problem("a") == f"`globals.a`: {sentence}"


def test_what_does_not_fit_is_not_said(make: Make) -> None:
    files = {"base/globals.yml": "n: {password: hunter2}\n"}
    answering(make("a: {ssm: {name: '${globals:n}'}}\n", files=files))
    assert problem("a") == "`globals.a`: `ssm.name` refers to a value that is not a text. Refer to a text."


def test_a_function_that_asks_for_its_own_value_is_a_circle(make: Make, module: Path) -> None:
    module.write_text(
        "from kedro_aws_plugin.config.injection import resolve\ndef f():\n    return resolve('a')\n"
    )
    answering(make("a: {function: 'flights_values:f'}\n"))
    assert "the globals refer to one another in a circle: a -> a." in problem("a")

"""Front matter is split by lines and repaired in passes; the body is kept whatever happens to the head."""

import time

import pytest

from agency_runtime.frontmatter import NO_FRONT_MATTER, Document, parse_document
from agency_runtime.head import read_head
from agency_runtime.plain_yaml import MAX_DEPTH, PlainYamlError, parse

KNOWN = frozenset(("name", "description", "tools", "color"))
TEXT = "---\nname: keeper\ndescription: Keeps releases small\n---\nBody.\n"
FIELDS = {"name": "keeper", "description": "Keeps releases small"}


def parsed(content: bytes | str) -> Document:
    return parse_document(content.encode() if isinstance(content, str) else content, KNOWN)


@pytest.mark.parametrize(
    ("content", "repaired"),
    [
        (TEXT.encode(), []),
        (b"\xef\xbb\xbf" + TEXT.encode(), ["byte order mark removed"]),
        (TEXT.replace("\n", "\r\n").encode(), ["CRLF line endings read as LF"]),
        (TEXT.replace("\n", "\r").encode(), ["CR line endings read as LF"]),
        (TEXT.replace("---\nname", "---\r\nname").encode(), ["CRLF line endings read as LF"]),
        (TEXT.replace("small", "sm\0all").encode(), ["1 control characters removed"]),
        (TEXT.replace("---\n", "---  \n", 1).encode(), []),
        (("\n\n" + TEXT).encode(), ["blank lines before the front matter left out"]),
        (("<!-- one\ntwo -->\n" + TEXT).encode(), ["a comment before the front matter left out"]),
        (TEXT.replace("\n---\nBody", "\n...\nBody").encode(), []),
    ],
)
def test_every_common_form_of_the_same_file_reads_the_same(content: bytes, repaired: list[str]) -> None:
    document = parsed(content)
    assert (document.fields, document.body, list(document.repaired)) == (FIELDS, "Body.\n", repaired)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_wide_encodings_are_refused_by_name(encoding: str) -> None:
    assert parsed(TEXT.encode(encoding)).errors == ("UTF-16, UTF-32 or binary, not UTF-8; save it again as UTF-8",)


def test_latin_1_bytes_are_read_and_said() -> None:
    document = parsed(TEXT.replace("small", "légères").encode("latin-1"))
    assert document.fields["description"] == "Keeps releases légères"
    assert list(document.repaired) == ["read as Windows-1252: byte 46 is not UTF-8"]


def test_a_file_beyond_the_cap_is_refused() -> None:
    assert parsed(TEXT + "x" * 512 * 1024).errors == ("larger than 512 kB; move detail into files it refers to",)


def test_a_rule_in_the_body_belongs_to_the_body() -> None:
    document = parsed(TEXT + "\n---\n\nname: not a field\n---\n")
    assert (document.fields, document.body) == (FIELDS, "Body.\n\n---\n\nname: not a field\n---\n")


def test_dashes_inside_values_do_not_close_the_head() -> None:
    document = parsed("---\nname: a --- b\ndescription: |\n  ---\n  still here\n---\nBody")
    assert document.fields == {"name": "a --- b", "description": "---\nstill here"}


def test_an_indented_head_is_moved_to_the_edge() -> None:
    document = parsed("\n  ---\n  name: keeper\n  tools:\n    - Read\n  ---\nBody")
    assert (document.fields, document.body) == ({"name": "keeper", "tools": ["Read"]}, "Body")
    assert "indented front matter moved to the left edge" in document.repaired


def test_a_fence_around_everything_is_taken_off() -> None:
    document = parsed("```markdown\n" + TEXT + "```\n")
    assert (document.fields, document.body.strip()) == (FIELDS, "Body.")


def test_a_fence_around_the_head_is_taken_off_and_code_in_the_body_stays() -> None:
    document = parsed("```yaml\n---\nname: keeper\n---\n```\nBody.\n```sh\nls\n```\n")
    assert (document.fields, document.body) == ({"name": "keeper"}, "Body.\n```sh\nls\n```\n")


def test_a_head_written_as_a_yaml_block_is_taken_as_meant() -> None:
    document = parsed("```yaml\nname: keeper\n```\nBody.\n")
    assert (document.fields, document.body) == ({"name": "keeper"}, "Body.\n")


@pytest.mark.parametrize(
    "content", ["", "\n\n", "# Title\n", "Text\n---\nname: x\n---\n", "<!-- open\n", "```sh\nls\n```\n"]
)
def test_a_file_without_a_head_keeps_its_body(content: str) -> None:
    document = parsed(content)
    assert (document.fields, document.body, document.errors, document.headed) == (
        {},
        content,
        (NO_FRONT_MATTER,),
        False,
    )


def test_an_unclosed_head_is_an_error_that_names_its_line() -> None:
    assert parsed("\n---\nname: x\n").errors == ("the front matter opened on line 2 is never closed by a line ---",)


def test_what_cannot_be_read_names_the_line_in_the_file() -> None:
    document = parsed("\n---\n\n{{ nothing: [like yaml\n---\nBody")
    assert document.errors[0].startswith("front matter is not YAML: line 5: ")
    assert document.body == "Body"


def test_scalars_stay_the_strings_that_were_written() -> None:
    fields = parsed("---\nname: yes\nversion: 2.0\ndate: 2026-02-27\nnone: null\noctal: 010\nempty:\n---\n").fields
    assert fields == {
        "name": "yes",
        "version": "2.0",
        "date": "2026-02-27",
        "none": "null",
        "octal": "010",
        "empty": "",
    }


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("description: Use when: it ships, it's due", "Use when: it ships, it's due"),
        ("description: **MUST** be used", "**MUST** be used"),
        ("description: [a] | [b]", "[a] | [b]"),
        ("description: @mention first", "@mention first"),
        ("description: `code` first", "`code` first"),
        ("description: % first", "% first"),
        ('description: "quoted" and more', '"quoted" and more'),
        ("description: {{ template }}", "{{ template }}"),
    ],
)
def test_a_line_that_does_not_parse_alone_is_quoted(line: str, value: str) -> None:
    head = read_head(f"name: keeper\n{line}\ncolor: red", KNOWN)
    assert head.fields == {"name": "keeper", "description": value, "color": "red"}
    assert list(head.repaired) == ["description: value quoted"]


def test_a_description_that_runs_on_at_the_left_edge_is_read_whole() -> None:
    head = read_head(
        'name: keeper\ndescription: Use it. For example:\n\nContext: due\nuser: "Go: now"\ncolor: red', KNOWN
    )
    assert head.fields["description"] == 'Use it. For example:\n\nContext: due\nuser: "Go: now"'
    assert (head.fields["color"], list(head.repaired)) == ("red", ["description: 4 lines read as one text"])


def test_lines_of_an_example_dialogue_are_no_fields() -> None:
    head = read_head("name: keeper\ndescription: For example\nuser: go\nassistant: wait\ntools: Read", KNOWN)
    assert list(head.fields) == ["name", "description", "tools"]


def test_tabs_are_read_as_the_blanks_they_stand_for() -> None:
    head = read_head("name:\tkeeper\ntools:\n\t- Read\n\t- Edit", KNOWN)
    assert (head.fields, list(head.repaired)) == (
        {"name": "keeper", "tools": ["Read", "Edit"]},
        ["tabs in the indent read as blanks"],
    )


def test_a_field_given_twice_is_said_and_the_last_one_counts() -> None:
    head = read_head("name: one\nname: two", KNOWN)
    assert (head.fields, list(head.warnings)) == ({"name": "two"}, ["name: given more than once; the last one counts"])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        "{a: " * 15_000,
        "- " * 30_000,
        "a: &a [*a]",
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "\n".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "a: *nowhere",
        "a: 1\n---\nb: 2",
        "? [a, b]\n: c",
        "a: \x07",
        "- a\n- b",
        "just words",
    ],
)  # fmt: skip
def test_yaml_beyond_the_bounds_is_refused_at_once(text: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(PlainYamlError):
        parse(text)
    assert time.perf_counter() - begun < 1


def test_nesting_up_to_the_bound_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert parse("a: " + "[" * depth + "]" * depth).fields


def test_a_python_tag_creates_nothing() -> None:
    assert parse("a: !!python/object/apply:os.getcwd []\nb: !!int 3").fields == {"a": [], "b": "3"}


def test_a_hundred_thousand_hostile_lines_take_no_time() -> None:
    begun = time.perf_counter()
    for text in (
        "```a\n" * 90_000,
        "<!--\n" * 90_000,
        "\n" * 500_000,
        "---\n" + "](" * 200_000,
        "---\n" + "a: [\n" * 12_000 + "---\n",
    ):
        parsed(text)
    assert time.perf_counter() - begun < 5

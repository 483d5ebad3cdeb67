use std::sync::Arc;

use super::{Kind, Node, Source};

/// Every node as `line:column+length value`, in the order of the text.
fn render(node: &Node, source: &Source<'_>, lines: &mut Vec<String>) {
    let place = source.place(node.mark);
    let at = format!("{}:{}+{}", place.line, place.column, place.length);
    lines.push(format!("{at} {}", node.describe()));
    match &node.kind {
        Kind::List(nodes) => nodes.iter().for_each(|node| render(node, source, lines)),
        Kind::Section(entries) => {
            for entry in entries {
                render(&entry.key, source, lines);
                render(&entry.value, source, lines);
            }
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text(_)
        | Kind::Tagged => (),
    }
}

fn read(text: &[u8]) -> Result<Vec<String>, String> {
    let source = Source::new(Arc::from("k.yaml"), text).map_err(|error| error.to_string())?;
    let node = source.parse().map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    render(&node, &source, &mut lines);
    Ok(lines)
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(read(text.as_bytes()), Ok(expected.iter().map(|&line| line.to_owned()).collect()));
}

#[track_caller]
fn check_refused(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(read(text.as_ref()), Err(expected.to_owned()));
}

#[test]
fn empty_text_is_nothing() {
    check("", &["1:1+1 nothing"]);
}

#[test]
fn scalars_of_block_style_have_their_places() {
    check(
        "a: 12\nlong-key:   yes it is  # comment\nsub:\n  b: true\n  c: 1.5\n",
        &[
            "1:1+1 a section",
            "1:1+1 `a`",
            "1:4+2 the number 12",
            "2:1+8 `long-key`",
            "2:13+9 `yes it is`",
            "3:1+3 `sub`",
            "3:1+3 a section",
            "4:3+1 `b`",
            "4:6+4 `true`",
            "5:3+1 `c`",
            "5:6+3 the number 1.5",
        ],
    );
}

#[test]
fn scalars_of_flow_style_have_their_places() {
    check(
        "a: {b: x, \"c\": ['it''s', \"q\\\"q\", 7]}",
        &[
            "1:1+1 a section",
            "1:1+1 `a`",
            "1:1+1 a section",
            "1:5+1 `b`",
            "1:8+1 `x`",
            "1:11+3 `c`",
            "1:11+3 a list",
            "1:17+7 `it's`",
            "1:26+6 `q\"q`",
            "1:34+1 the number 7",
        ],
    );
}

#[test]
fn list_and_section_without_a_key_stand_at_what_they_begin_with() {
    check(
        "zones:\n  - zone: a\n  - {}\n  - [b]\n",
        &[
            "1:1+5 a section",
            "1:1+5 `zones`",
            "1:1+5 a list",
            "2:5+4 a section",
            "2:5+4 `zone`",
            "2:11+1 `a`",
            "1:1+5 a section",
            "4:6+1 a list",
            "4:6+1 `b`",
        ],
    );
}

#[test]
fn columns_are_octets_after_other_scripts_too() {
    check(
        "{ā: x, b: y}",
        &["1:2+2 a section", "1:2+2 `ā`", "1:6+1 `x`", "1:9+1 `b`", "1:12+1 `y`"],
    );
}

#[test]
fn byte_order_mark_and_carriage_returns_move_no_place() {
    check(
        "\u{FEFF}a: x\r\nb: y\r\n",
        &["1:1+1 a section", "1:1+1 `a`", "1:4+1 `x`", "2:1+1 `b`", "2:4+1 `y`"],
    );
}

#[test]
fn alias_stands_where_its_value_is_written() {
    check(
        "a: &x v\nb: *x\n",
        &["1:1+1 a section", "1:1+1 `a`", "1:4+1 `v`", "2:1+1 `b`", "1:4+1 `v`"],
    );
}

#[test]
fn tag_is_seen() {
    check(
        "a: !env X\nb: 1\n",
        &["1:1+1 a section", "1:1+1 `a`", "1:4+1 a YAML tag", "2:1+1 `b`", "2:4+1 the number 1"],
    );
}

#[test]
fn key_without_a_value_has_nothing() {
    check(
        "a:\nb: ~\n",
        &["1:1+1 a section", "1:1+1 `a`", "1:3+1 nothing", "2:1+1 `b`", "2:4+1 nothing"],
    );
}

#[test]
fn repeated_keys_are_kept() {
    check(
        "a: 1\na: 2\n",
        &["1:1+1 a section", "1:1+1 `a`", "1:4+1 the number 1", "2:1+1 `a`", "2:4+1 the number 2"],
    );
}

#[test]
fn text_that_is_not_yaml_is_refused_with_its_place() {
    check_refused(
        "a: [1, 2\nb: 3\n",
        "k.yaml:2:2: error: not YAML: did not find expected ',' or ']', while parsing a flow \
         sequence at line 1 column 4 [yaml]",
    );
    check_refused(
        "a: b: c\n",
        "k.yaml:1:5: error: not YAML: mapping values are not allowed in this context [yaml]",
    );
    check_refused(
        "a: 1\n\tb: 2\n",
        "k.yaml:2:1: error: not YAML: found a tab character that violates indentation, while \
         scanning a plain scalar at line 1 column 4 [yaml]",
    );
    check_refused(
        "a: @x\n",
        "k.yaml:1:4: error: not YAML: found character that cannot start any token [yaml]; indent \
         with spaces, and put special characters in quotes",
    );
    check_refused("a: *x\n", "k.yaml:1:4: error: not YAML: unknown anchor [yaml]");
    check_refused(
        "a: 1\n---\nb: 2\n",
        "error: k.yaml: more than one YAML document [yaml]; remove the line `---` and what \
         follows it",
    );
    check_refused(b"a: 1\nb: \xFF\n", "k.yaml:2:4: error: not UTF-8 [yaml]");
}

#[test]
fn text_beyond_the_bounds_is_refused() {
    check_refused(
        "a".repeat(5000),
        "error: line 1 of k.yaml has more than 4096 octets [too-long]; break the line",
    );
    check_refused(
        "\n".repeat(1024 * 1024 + 1),
        "error: k.yaml has more than 1048576 octets [too-long]; name many zones with `directory` \
         instead of one by one",
    );
    check_refused(
        format!("{}{}", "[".repeat(17), "]".repeat(17)),
        "k.yaml:1:17: error: nested more than 16 levels deep [yaml]",
    );
}

#[test]
fn aliases_of_aliases_are_refused_soon() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    check_refused(
        bomb,
        "error: k.yaml: too much text when aliases are replaced by what they stand for [yaml]; \
         write fewer aliases (`*name`)",
    );
}

#[test]
fn many_aliases_of_much_text_are_refused() {
    let much = "  - x\n".repeat(10_000);
    let many = "  - *much\n".repeat(1_000);
    check_refused(
        format!("a: &much\n{much}b:\n{many}"),
        "k.yaml:6800:5: error: too much text when aliases are replaced by what they stand for \
         [yaml]; write fewer aliases (`*name`)",
    );
}

#[test]
fn deep_nesting_is_refused_by_the_library_or_by_us() {
    check_refused(
        format!("{}\n", "[".repeat(4096)).repeat(64),
        "k.yaml:1:17: error: nested more than 16 levels deep [yaml]",
    );
}

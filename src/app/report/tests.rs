use std::sync::Arc;

use super::{json, text};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};

fn problem(line: &str, column: u32, length: u32) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "bad-value",
        message: "expected a size".to_owned(),
        place: Some(Place {
            file: Arc::from("kereru.yaml"),
            line: 12,
            column,
            length,
            text: line.to_owned(),
        }),
        hint: None,
    }
}

fn all(problems: impl IntoIterator<Item = Diagnostic>) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    problems.into_iter().for_each(|problem| diagnostics.push(problem));
    diagnostics
}

#[track_caller]
fn check(problem: Diagnostic, expected: &[&str]) {
    let text = text(&all([problem]), false);
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    assert_eq!(lines, expected);
}

#[test]
fn problem_is_shown_with_its_line_mark_and_hint() {
    let problem =
        Diagnostic { hint: Some("write 64MiB".to_owned()), ..problem("  size: 64M", 9, 3) };
    check(
        problem,
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:9",
            "   |",
            "12 |   size: 64M",
            "   |         ^^^",
            "   |",
            "   = help: write 64MiB",
            "",
            "1 error, 0 warnings",
        ],
    );
}

#[test]
fn problem_without_a_place_is_one_line() {
    let problem = Diagnostic { place: None, severity: Severity::Warning, ..problem("", 1, 1) };
    check(problem, &["warning[bad-value]: expected a size", "", "0 errors, 1 warning"]);
}

#[test]
fn mark_may_stand_after_the_end_of_the_line() {
    check(
        problem("size:", 6, 1),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:6",
            "   |",
            "12 | size:",
            "   |      ^",
            "",
            "1 error, 0 warnings",
        ],
    );
    check(
        problem("", 1, 1),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:1",
            "   |",
            "12 |",
            "   | ^",
            "",
            "1 error, 0 warnings",
        ],
    );
    check(
        problem("a", 100, 100),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:2",
            "   |",
            "12 | a",
            "   |  ^",
            "",
            "1 error, 0 warnings",
        ],
    );
}

#[test]
fn mark_is_under_its_characters_after_tabs_and_other_scripts() {
    check(
        problem("\tā: 64M", 6, 3),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:5",
            "   |",
            "12 |     ā: 64M",
            "   |        ^^^",
            "",
            "1 error, 0 warnings",
        ],
    );
    check(
        problem("Gr\u{FFFD}\u{FFFD}e A 1", 7, 1),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:7",
            "   |",
            "12 | Gr��e A 1",
            "   |       ^",
            "",
            "1 error, 0 warnings",
        ],
    );
    check(
        problem("ā", 2, 1),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:2",
            "   |",
            "12 | ā",
            "   |  ^",
            "",
            "1 error, 0 warnings",
        ],
    );
}

#[test]
fn long_line_is_cut_around_the_mark() {
    let line = format!("{}here{}", "a ".repeat(200), " z".repeat(200));
    check(
        problem(&line, 401, 4),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:401",
            "   |",
            &format!("12 | ...{}here{} ...", "a ".repeat(46), " z".repeat(46)),
            &format!("   |{}^^^^", " ".repeat(96)),
            "",
            "1 error, 0 warnings",
        ],
    );
    check(
        problem(&line, 1, 800),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:1",
            "   |",
            &format!("12 |{} ...", " a".repeat(96)),
            "   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
            "",
            "1 error, 0 warnings",
        ],
    );
    check(
        problem(&"ā".repeat(300), 301, 2),
        &[
            "error[bad-value]: expected a size",
            "  --> kereru.yaml:12:151",
            "   |",
            &format!("12 | {}...", "ā".repeat(192)),
            &format!("   |{}^", " ".repeat(151)),
            "",
            "1 error, 0 warnings",
        ],
    );
}

#[test]
fn control_characters_have_no_effect() {
    let problem = Diagnostic {
        message: "found `\x1b[2J`".to_owned(),
        hint: Some("not \u{9b}31m\u{202e}".to_owned()),
        ..problem("a\x1b[31m\u{9b}\u{7f}b", 2, 1)
    };
    check(
        problem,
        &[
            "error[bad-value]: found `␛[2J`",
            "  --> kereru.yaml:12:2",
            "   |",
            "12 | a␛[31m�␡b",
            "   |  ^",
            "   |",
            "   = help: not �31m�",
            "",
            "1 error, 0 warnings",
        ],
    );
}

#[test]
fn colours_are_only_there_if_asked_for() {
    let problems = all([problem("size: 64M", 7, 3)]);
    assert!(!text(&problems, false).contains('\x1b'));
    assert!(text(&problems, true).contains("\x1b["));
}

#[test]
fn problems_are_counted() {
    let warning = Diagnostic { severity: Severity::Warning, ..problem("", 1, 1) };
    let last = |problems: &Diagnostics| text(problems, false).lines().last().map(str::to_owned);
    assert_eq!(last(&all([])).as_deref(), Some("0 errors, 0 warnings"));
    let mixed = all([problem("", 1, 1), warning.clone(), warning]);
    assert_eq!(last(&mixed).as_deref(), Some("1 error, 2 warnings"));
}

#[test]
fn json_has_every_field_or_null() {
    let placeless = Diagnostic { place: None, severity: Severity::Warning, ..problem("", 1, 1) };
    let placed = Diagnostic { hint: Some("\"h\"".to_owned()), ..problem("size: 64M", 7, 3) };
    assert_eq!(
        json(&all([placed, placeless])),
        concat!(
            r#"{"problems":[{"severity":"error","code":"bad-value","file":"kereru.yaml","#,
            r#""line":12,"column":7,"length":3,"message":"expected a size","hint":"\"h\"","#,
            r#""text":"size: 64M"},{"severity":"warning","code":"bad-value","file":null,"#,
            r#""line":null,"column":null,"length":null,"message":"expected a size","#,
            r#""hint":null,"text":null}],"errors":1,"warnings":1}"#,
            "\n"
        )
    );
}

use super::{Diagnostic, Diagnostics, Severity};
use crate::base::limits::DIAGNOSTICS_MAX;

fn problem(severity: Severity) -> Diagnostic {
    let (code, message) = ("code", "message".to_owned());
    Diagnostic { severity, code, message, place: None, hint: None }
}

#[test]
fn flood_of_warnings_does_not_hide_an_error() {
    let mut flood = Diagnostics::default();
    for _ in 0..DIAGNOSTICS_MAX + 5 {
        flood.push(problem(Severity::Warning));
    }
    flood.push(problem(Severity::Error));
    let mut all = flood.clone();
    all.append(flood);
    assert_eq!((all.warnings(), all.errors()), (2 * (DIAGNOSTICS_MAX + 5), 2));
    let shown = |severity| all.iter().filter(|problem| problem.severity == severity).count();
    assert_eq!((shown(Severity::Warning), shown(Severity::Error)), (DIAGNOSTICS_MAX, 2));
}

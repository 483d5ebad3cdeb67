use super::{ArithmeticError, Expression, Variables};

/// What an expression is worth at 10 seconds, with `$a` of 4 seconds and 2.5 seconds until the
/// subject is woken.
fn value(text: &str) -> Result<i128, ArithmeticError> {
    let mut variables = Variables { time: 10_000_000, timeout: 2_500_000, ..Variables::default() };
    variables.values.insert("a".to_owned(), 4_000_000);
    Expression::parse(text)?.value(&variables)
}

#[track_caller]
fn check(text: &str, micros: i128) {
    assert_eq!(value(text), Ok(micros), "{text}");
}

#[track_caller]
fn check_fails(text: &str, message: &str) {
    assert_eq!(value(text).map_err(|error| error.to_string()), Err(message.to_owned()), "{text}");
}

#[test]
fn numbers_are_exact_to_the_microsecond() {
    check("1251100000", 1_251_100_000_000_000);
    check("0.4", 400_000);
    check(".05", 50_000);
    check("0.0000019", 1);
}

#[test]
fn operators_go_from_left_to_right() {
    check("${30*24*3600}", 2_592_000_000_000);
    check("2+3*4", 20_000_000);
    check("2+${3*4}", 14_000_000);
    check("${7 - 1 / 4}", 1_500_000);
}

#[test]
fn variables_and_the_clock_have_values() {
    check("${$a + 1}", 5_000_000);
    check("${time}", 10_000_000);
    check("${timeout}", 2_500_000);
    check("${range 2 ${timeout} 3}", 2_500_000);
}

#[test]
fn what_has_no_value_is_told() {
    check_fails("", "expected a number, found the end");
    check_fails("abc", "expected a number, found \"abc\"");
    check_fails("1.2.3", "expected a number, found \"1.2.3\"");
    check_fails("1 2", "expected the end, found \"2\"");
    check_fails("${1 + 2", "expected }, found the end");
    check_fails("$ + 1", "expected the name of a variable, found \"+ 1\"");
    check_fails("$b", "nothing has set $b");
    check_fails("1 / 0", "a division by zero, or too large a number");
    check_fails("${range 3 $a 3.5}", "4000000 µs is not between 3000000 µs and 3500000 µs");
    check_fails(
        &format!("{}1{}", "${".repeat(17), "}".repeat(17)),
        "more than 16 expressions within each other",
    );
}

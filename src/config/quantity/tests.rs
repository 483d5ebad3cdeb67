use super::{QuantityError, parse_size, parse_time, write_size, write_time};

#[track_caller]
fn check_size(text: &str, expected: Result<u64, QuantityError>) {
    assert_eq!(parse_size(text), expected);
}

#[track_caller]
fn check_time(text: &str, expected: Result<u32, QuantityError>) {
    assert_eq!(parse_time(text), expected);
}

#[test]
fn sizes_have_binary_units_or_none() {
    check_size("0", Ok(0));
    check_size("1500", Ok(1500));
    check_size("512KiB", Ok(512 * 1024));
    check_size("256MiB", Ok(256 * 1024 * 1024));
    check_size("1GiB", Ok(1024 * 1024 * 1024));
}

#[test]
fn text_that_is_no_size_is_refused() {
    for text in ["", "MiB", "1MB", "1 MiB", "1mib", "-1", "1.5GiB", "1GiB1"] {
        check_size(text, Err(QuantityError::Form));
    }
    check_size("99999999999999999999", Err(QuantityError::TooLarge));
    check_size("17179869184GiB", Err(QuantityError::TooLarge));
}

#[test]
fn times_have_units_from_the_largest_to_the_smallest() {
    check_time("0s", Ok(0));
    check_time("30s", Ok(30));
    check_time("5m", Ok(300));
    check_time("1h30m", Ok(5400));
    check_time("1d1h1m1s", Ok(90_061));
}

#[test]
fn text_that_is_no_time_is_refused() {
    for text in ["", "s", "10", "1h30", "30m1h", "1h1h", "1w", "1 h", "-1s", "1.5h", "1H"] {
        check_time(text, Err(QuantityError::Form));
    }
    check_time("4294967296s", Err(QuantityError::TooLarge));
    check_time("49711d", Err(QuantityError::TooLarge));
}

#[test]
fn quantities_are_written_as_they_are_read() {
    for text in ["0", "1023", "1KiB", "1025", "256MiB", "3GiB"] {
        let mut written = String::new();
        write_size(&mut written, parse_size(text).unwrap()).unwrap();
        assert_eq!(written, text);
    }
    for text in ["0s", "59s", "1m", "1h30m", "5d", "1d1s"] {
        let mut written = String::new();
        write_time(&mut written, parse_time(text).unwrap()).unwrap();
        assert_eq!(written, text);
    }
}

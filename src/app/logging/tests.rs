use super::{Lines, PATIENCE};
use crate::config::LogFormat;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[track_caller]
fn check(format: LogFormat, left_out: &'static AtomicU64, note: &str) {
    let lines = Lines { format, left_out };
    let (mut reader, writer) = io::pipe().unwrap();
    let line = [[b'x'; 4095].as_slice(), b"\n"].concat();
    while left_out.load(Ordering::Relaxed) == 0 {
        lines.write_to(&writer, &line);
    }
    let began = Instant::now();
    for _ in 1..1000 {
        lines.write_to(&writer, &line);
    }
    assert!(began.elapsed() < PATIENCE * 100, "{:?}", began.elapsed());
    let mut read = vec![0; 8 * line.len()];
    reader.read_exact(&mut read).unwrap();
    lines.write_to(&writer, b"last\n");
    drop(writer);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with(&format!("x\n{note}\nlast\n")));
    assert_eq!(left_out.load(Ordering::Relaxed), 0);
}

#[test]
fn lines_that_nobody_reads_wait_once_and_are_counted_for_the_next_reader() {
    static TEXT: AtomicU64 = AtomicU64::new(0);
    let message = "lines left out because nobody read the log: 1000";
    check(LogFormat::Text, &TEXT, &format!("WARN {message}"));
    static JSON: AtomicU64 = AtomicU64::new(0);
    let fields = format!("{{\"message\":\"{message}\"}}");
    check(LogFormat::Json, &JSON, &format!("{{\"level\":\"WARN\",\"fields\":{fields}}}"));
}

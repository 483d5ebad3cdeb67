//! The `kereru` binary: hands its arguments to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kereru::app::run()
}

//! The `roundsman-fleet` binary: arguments in, exit code out. What it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    roundsman_fleet::cli::main(std::env::args_os())
}

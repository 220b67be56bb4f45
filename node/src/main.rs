//! The `hefu` command; all of it is in the library, so that tests reach it.

use std::process::ExitCode;

/// A tenth less processor time for an act than with the system's: what is decoded, encoded and
/// written is many small vectors, freed by another thread than made them (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hefu_node::cli::run()
}

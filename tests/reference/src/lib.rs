//! # hefu-reference
//!
//! The reference that is generated from the source: every encoded type as CDDL (RFC 8610), and
//! every act with who may sign it and what refuses it.
//!
//! Types say their encoding once, in their derive; the documents are read off them, so they cannot
//! disagree. What this cannot read (an encoding by hand that it was not told of, a type it does
//! not know) it names, and a test fails.

mod acts;
mod cddl;
mod source;

use std::path::{Path, PathBuf};

pub use source::{Problem, Source};

/// A generated document: where it stands from the project's root, and its text.
pub struct Document {
    /// Path from the root.
    pub path: &'static str,
    /// The whole text.
    pub text: String,
}

/// All generated documents, from the sources under `root`.
///
/// # Errors
/// [`Problem`] names what could not be read.
pub fn documents(root: &Path) -> Result<Vec<Document>, Problem> {
    let source = Source::read(root)?;
    Ok(vec![
        Document { path: "docs/hefu.cddl", text: cddl::write(&source)? },
        Document { path: "docs/acts.md", text: acts::write(&source)? },
    ])
}

/// The project's root, as this crate was compiled.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

//! Writes the documents that are generated from the source: `docs/hefu.cddl` and `docs/acts.md`.

use hefu_reference::{documents, root};

fn main() -> anyhow::Result<()> {
    for document in documents(&root())? {
        std::fs::write(root().join(document.path), document.text)?;
        println!("{}", document.path);
    }
    Ok(())
}

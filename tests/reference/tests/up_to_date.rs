//! The generated documents are those of the source as it stands.

use hefu_reference::{documents, root};

#[test]
fn documents_are_up_to_date() {
    for document in documents(&root()).unwrap() {
        let found = std::fs::read_to_string(root().join(document.path)).unwrap_or_default();
        let differs = document.text.lines().zip(found.lines()).position(|(new, old)| new != old);
        assert!(
            found == document.text,
            "{} is out of date (line {}): cargo run -p hefu-reference",
            document.path,
            differs.unwrap_or(0) + 1
        );
    }
}

#[test]
fn every_act_and_every_table_is_there() {
    let found = documents(&root()).unwrap();
    let text = |path| &found.iter().find(|document| document.path == path).unwrap().text;
    for name in hefu_contracts::Act::NAMES {
        assert!(text("docs/acts.md").contains(&format!("`{name}`")), "{name}");
        assert!(text("docs/hefu.cddl").contains(&format!("; {name}\n")), "{name}");
    }
}

//! Every act: number, fields, who may sign it, what it is refused for.

use std::fmt::Write as _;

use super::source::{Problem, Shape, Source};

const HEAD: &str = "\
# Acts

Generated from the source (`cargo run -p hefu-reference`); a test keeps it true. The
number is the act's place in the encoding and never changes; the name is what JSON, events and
`hefu tx show` write. Every error code is explained by `hefu explain CODE`. Any act can also be
refused for its envelope (`E101`–`E113`) and for personal data in a text (`E109`). The encodings
are in [hefu.cddl](hefu.cddl).
";

pub(super) fn write(source: &Source) -> Result<String, Problem> {
    let mut text = HEAD.to_owned();
    let mut module = String::new();
    for act in &source.acts {
        let unknown = || Problem::Unknown {
            file: "contracts/src/act.rs".to_owned(),
            what: act.variant.clone(),
        };
        let ty = source.find("contracts/src/act.rs", &act.body).ok_or_else(unknown)?;
        let Shape::Struct(fields) = &ty.shape else { return Err(unknown()) };
        let part = act.body.segments.first().map(|s| s.ident.to_string()).unwrap_or_default();
        if part != module {
            let _ = write!(text, "\n## {part}\n");
            module = part;
        }
        let _ = write!(text, "\n### {} `{}`\n", act.number, act.label);
        for paragraph in &ty.doc {
            let _ = write!(text, "\n{paragraph}\n");
        }
        text.push_str("\n| field | |\n|---|---|\n");
        for field in fields {
            let name = field.name.as_deref().unwrap_or("");
            let _ = writeln!(text, "| `{name}` | {} |", field.doc.replace('|', "\\|"));
        }
    }
    Ok(text)
}

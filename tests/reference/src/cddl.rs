//! Every encoded type as a rule of CDDL (RFC 8610).
//!
//! A struct is an array of its fields by number; trailing fields without a value are left away,
//! others are null. An enum is its variant's number, or an array of the number and the array of
//! its fields.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::source::{Field, Problem, Shape, Source, Type, Variant};

/// Encodings written by hand: rule, name, definition and what it is.
const BY_HAND: [(&str, &str, &str); 5] = [
    ("PublicKey", "bstr .size 33", "Suite number (1: Ed25519 and BLAKE3), then 32 key bytes."),
    ("ValidatorSet", "[1*64 validator]", "Ordered by province; no key and no province twice."),
    ("Day", "19000101..21001231", "A day in Beijing as the number yyyymmdd; it must exist."),
    ("Identifier", "tstr", "GB/T 36904, whole, with a right check character."),
    ("Envelope", "", ""),
];
/// Written by hand, and described in the head or as part of a rule there: file and name.
const IN_HEAD: [(&str, &str); 4] = [
    ("primitives/src/transaction.rs", "ProtectedHeader"),
    ("primitives/src/transparency/receipt.rs", "Protected"),
    ("primitives/src/transparency/receipt.rs", "Proof"),
    ("primitives/src/transparency/receipt.rs", "Receipt"),
];

const HEAD: &str = "\
; hefu: every type that is hashed, signed, stored or sent (RFC 8610).
; Generated from the source (cargo run -p hefu-reference); a test keeps it true.
;
; All of it is deterministic CBOR (RFC 8949, section 4.2): shortest forms, definite lengths.
; A struct is an array of its fields; trailing fields without a value are left away, others are
; null. What follows a semicolon on a field's line is its name and meaning.

start = transaction / stored-block / capsule-file

u8 = 0..255
u16 = 0..65535
u32 = 0..4294967295
u64 = 0..18446744073709551615

; --- transactions: COSE_Sign1 (RFC 9052), a SCITT signed statement (RFC 9943)

transaction = #6.18(cose-sign1)
cose-sign1 = [
  protected: bstr .cbor protected-header,
  unprotected: {},
  payload: bstr .cbor transaction-body,
  signature: signature, ; over [\"Signature1\", protected, h'', payload]
]
protected-header = {
  1 => -8, ; alg: EdDSA
  3 => \"application/hefu-acts+cbor\", ; content type
  4 => key-id, ; kid
  15 => { 1 => uscc, 2 => tstr }, ; CWT claims: iss, the authority that signs; sub
}
; each byte string in a transaction body's list of acts is one encoded act

; --- receipts (RFC 9942) and transparent statements (RFC 9943)

transparent-statement = #6.18([
  protected: bstr .cbor protected-header,
  unprotected: { 394 => [+ cose-receipt] },
  payload: bstr .cbor transaction-body,
  signature: signature,
])
cose-receipt = #6.18([
  protected: bstr .cbor receipt-header,
  unprotected: { 396 => { -1 => [bstr .cbor receipt-proof] } },
  payload: nil, ; detached: the root of the log
  signature: signature,
])
receipt-header = {
  1 => -8 / -7, ; alg: EdDSA or ES256
  4 => key-id, ; the cosigning key on the ledger
  15 => { 1 => tstr, 2 => tstr }, ; CWT claims: the name it cosigns under; the statement's subject
  395 => 1, ; verifiable data structure: RFC 9162 SHA-256
  \"hefu-size\" => u64, ; leaves of the log
  \"hefu-height\" => u64, ; height after whose block the log had them
}
receipt-proof = [size: u64, leaf: u64, path: [* h32]]
";

/// The whole document.
pub(super) fn write(source: &Source) -> Result<String, Problem> {
    let names = Names::of(source);
    check_by_hand(source)?;
    let mut text = HEAD.to_owned();
    for (name, definition, doc) in
        BY_HAND.iter().filter(|(_, definition, _)| !definition.is_empty())
    {
        let _ = write!(text, "\n; {doc}\n{} = {definition}\n", kebab(name));
    }
    let mut file = "";
    for ty in &source.types {
        if ty.file != file {
            file = &ty.file;
            let _ = write!(text, "\n; --- {file}\n");
        }
        rule(source, &names, ty, &mut text)?;
    }
    let _ = write!(text, "\n; --- contracts/src/act.rs\n\n; One act of a transaction.\nact = (\n");
    for (position, act) in source.acts.iter().enumerate() {
        let body = names.of_path(source, "contracts/src/act.rs", &act.body)?;
        let slash = if position == 0 { " " } else { "/" };
        let _ = writeln!(text, "  {slash} [{}, [{body}]] ; {}", act.number, act.label);
    }
    text.push_str(")\n\n; --- state: the record under a key that begins with the byte\n");
    for table in &source.tables {
        let kind = if table.proven { "in the authenticated map" } else { "an index" };
        let value = names.of_type(source, &table.file, &table.value)?;
        let byte = table.byte;
        let _ = write!(
            text,
            "\n; {} ({}): {}\ntable-{byte:02x} = {value}\n",
            table.name, kind, table.doc
        );
    }
    Ok(text)
}

/// Each encoding by hand is one that this file knows.
fn check_by_hand(source: &Source) -> Result<(), Problem> {
    for (file, name) in &source.by_hand {
        let known = BY_HAND.iter().any(|(known, ..)| known == name)
            || IN_HEAD.contains(&(file.as_str(), name.as_str()));
        if !known && name != "$name" {
            return Err(Problem::Unknown { file: file.clone(), what: name.clone() });
        }
    }
    Ok(())
}

fn rule(source: &Source, names: &Names, ty: &Type, text: &mut String) -> Result<(), Problem> {
    let name = names.rule(ty);
    let doc = ty.doc.first().map_or("", String::as_str);
    let _ = write!(text, "\n; {doc}\n");
    match &ty.shape {
        Shape::Cddl(definition) => {
            let _ = writeln!(text, "{name} = {definition}");
        }
        Shape::Alias(inner) => {
            let _ = writeln!(text, "{name} = {}", names.of_type(source, &ty.file, inner)?);
        }
        Shape::Struct(fields) => {
            let _ = writeln!(text, "{name} = [");
            array(source, names, &ty.file, fields, "  ", text)?;
            text.push_str("]\n");
        }
        Shape::Number(variants) => {
            let _ = writeln!(text, "{name} = (");
            for (position, variant) in variants.iter().enumerate() {
                let slash = if position == 0 { " " } else { "/" };
                let Variant { number, name, doc, .. } = variant;
                let _ = writeln!(text, "  {slash} {number} ; {name}: {doc}");
            }
            text.push_str(")\n");
        }
        Shape::Enum(variants) => {
            let _ = writeln!(text, "{name} = (");
            for (position, variant) in variants.iter().enumerate() {
                let slash = if position == 0 { " " } else { "/" };
                let Variant { number, name, doc, fields } = variant;
                let _ = writeln!(text, "  {slash} [{number}, [ ; {name}: {doc}");
                array(source, names, &ty.file, fields, "      ", text)?;
                text.push_str("    ]]\n");
            }
            text.push_str(")\n");
        }
    }
    Ok(())
}

/// The entries of an array: a place nobody has is null; trailing optional ones may be missing.
fn array(
    source: &Source,
    names: &Names,
    file: &str,
    fields: &[Field],
    indent: &str,
    text: &mut String,
) -> Result<(), Problem> {
    let needed = fields.iter().rposition(|field| !field.optional).map_or(0, |last| last + 1);
    let mut next = 0;
    for (position, field) in fields.iter().enumerate() {
        for _ in next..field.place {
            let _ = writeln!(text, "{indent}nil, ; no longer used");
        }
        next = field.place + 1;
        let what = names.of_type(source, file, &field.ty)?;
        let maybe = if position >= needed { "? " } else { "" };
        let name = field.name.as_deref().map_or(String::new(), |name| format!("{name}: "));
        let doc = if field.doc.is_empty() { String::new() } else { format!(" ; {}", field.doc) };
        let _ = writeln!(text, "{indent}{maybe}{name}{what},{doc}");
    }
    Ok(())
}

/// Rule names: kebab case, with the folder in front where two types share a name.
struct Names(BTreeMap<(String, String), String>);

impl Names {
    fn of(source: &Source) -> Self {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for ty in &source.types {
            *count.entry(&ty.name).or_default() += 1;
        }
        let name = |ty: &Type| {
            let own = kebab(&ty.name);
            let alone = count.get(ty.name.as_str()).copied().unwrap_or(0) < 2;
            if alone || ty.file.starts_with("primitives/") {
                return own;
            }
            let module = ty.file.trim_end_matches(".rs").trim_end_matches("/mod");
            let module = module.rsplit('/').next().unwrap_or("").replace('_', "-");
            format!("{module}-{own}")
        };
        let key = |ty: &Type| (ty.file.clone(), ty.name.clone());
        Self(source.types.iter().map(|ty| (key(ty), name(ty))).collect())
    }

    fn rule(&self, ty: &Type) -> &str {
        self.0.get(&(ty.file.clone(), ty.name.clone())).map_or("", String::as_str)
    }

    fn of_path(&self, source: &Source, file: &str, path: &syn::Path) -> Result<String, Problem> {
        let name = path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
        if let Some(ty) = source.find(file, path) {
            return Ok(self.rule(ty).to_owned());
        }
        if BY_HAND.iter().any(|(known, ..)| *known == name) {
            return Ok(kebab(&name));
        }
        Err(Problem::Unknown { file: file.to_owned(), what: name })
    }

    fn of_type(&self, source: &Source, file: &str, ty: &syn::Type) -> Result<String, Problem> {
        let unknown =
            |what: &str| Problem::Unknown { file: file.to_owned(), what: what.to_owned() };
        match ty {
            syn::Type::Reference(inner) => self.of_type(source, file, &inner.elem),
            syn::Type::Tuple(tuple) => {
                let parts: Vec<String> = tuple
                    .elems
                    .iter()
                    .map(|part| self.of_type(source, file, part))
                    .collect::<Result<_, _>>()?;
                Ok(format!("[{}]", parts.join(", ")))
            }
            syn::Type::Array(array) => {
                let length = length(source, &array.len).ok_or_else(|| unknown("an array"))?;
                let inner = self.of_type(source, file, &array.elem)?;
                Ok(format!("[{length}*{length} {inner}]"))
            }
            syn::Type::Path(path) => self.of_named(source, file, &path.path),
            _ => Err(unknown("a type")),
        }
    }

    fn of_named(&self, source: &Source, file: &str, path: &syn::Path) -> Result<String, Problem> {
        let unknown =
            |what: &str| Problem::Unknown { file: file.to_owned(), what: what.to_owned() };
        let segment = path.segments.last().ok_or_else(|| unknown("a path"))?;
        let arguments: Vec<&syn::GenericArgument> = match &segment.arguments {
            syn::PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
            _ => Vec::new(),
        };
        let inner = |position: usize| match arguments.get(position) {
            Some(syn::GenericArgument::Type(ty)) => self.of_type(source, file, ty),
            _ => Err(unknown(&segment.ident.to_string())),
        };
        match segment.ident.to_string().as_str() {
            number @ ("u8" | "u16" | "u32" | "u64") => Ok(number.to_owned()),
            "i8" | "i16" | "i32" | "i64" => Ok("int".to_owned()),
            "bool" => Ok("bool".to_owned()),
            "String" | "str" => Ok("tstr".to_owned()),
            "ByteVec" | "ByteSlice" => Ok("bstr".to_owned()),
            "ByteArray" => match arguments.first() {
                Some(syn::GenericArgument::Const(bytes)) => length(source, bytes)
                    .map(|length| format!("bstr .size {length}"))
                    .ok_or_else(|| unknown("ByteArray")),
                // A constant's name reads like a type's.
                Some(syn::GenericArgument::Type(syn::Type::Path(path))) => {
                    number(source, &path.path)
                        .map(|length| format!("bstr .size {length}"))
                        .ok_or_else(|| unknown("ByteArray"))
                }
                _ => Err(unknown("ByteArray")),
            },
            "Option" => Ok(format!("{} / nil", inner(0)?)),
            "Box" => inner(0),
            "Vec" => Ok(format!("[* {}]", inner(0)?)),
            "BTreeMap" => Ok(format!("{{ * {} => {} }}", inner(0)?, inner(1)?)),
            "BTreeSet" => Ok(format!("[* {}]", inner(0)?)),
            _ => self.of_path(source, file, path),
        }
    }
}

/// A length that is a number, or the name of one.
fn length(source: &Source, expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) => {
            Some(number.base10_digits().to_owned())
        }
        syn::Expr::Path(path) => number(source, &path.path),
        _ => None,
    }
}

fn number(source: &Source, path: &syn::Path) -> Option<String> {
    source.numbers.get(&path.segments.last()?.ident.to_string()).cloned()
}

/// `CommitCertificate` becomes `commit-certificate`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (position, letter) in letters.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|before| letters.get(before));
        let starts = letter.is_ascii_uppercase()
            && before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        if starts {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

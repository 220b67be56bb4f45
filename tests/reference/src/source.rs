//! Reads the sources: types that derive an encoding, newtypes that macros make, tables, acts.
//!
//! Knows only as much Rust as these are written in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Fields, Item};

/// Crates whose types are hashed, signed, stored or sent.
const CRATES: [&str; 5] = ["primitives", "consensus", "contracts", "genesis", "node"];

/// What could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file.
    #[error("{file}: {error}", file = .0.display(), error = .1)]
    Read(PathBuf, #[source] std::io::Error),
    /// Not Rust, or not as we write it.
    #[error("{file}: {error}", file = .0.display(), error = .1)]
    Parse(PathBuf, #[source] syn::Error),
    /// A type whose encoding cannot be told.
    #[error("{file}: {what} cannot be described")]
    Unknown {
        /// Where it stands.
        file: String,
        /// What it is.
        what: String,
    },
}

/// One field or parameter of a variant.
#[derive(Clone)]
pub struct Field {
    /// Place in the encoded array.
    pub place: u32,
    /// Name, or none in a tuple.
    pub name: Option<String>,
    /// Its Rust type.
    pub ty: syn::Type,
    /// Whether it is left away, or null, when there is nothing to say.
    pub optional: bool,
    /// What it is, on one line.
    pub doc: String,
}

/// One variant of an enum.
#[derive(Clone)]
pub struct Variant {
    /// Number on the wire.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// What it carries.
    pub fields: Vec<Field>,
    /// What it is, on one line.
    pub doc: String,
}

/// How a type is encoded.
#[derive(Clone)]
pub enum Shape {
    /// As the type inside.
    Alias(syn::Type),
    /// As CDDL that stands here already.
    Cddl(String),
    /// As an array of its fields by number.
    Struct(Vec<Field>),
    /// As the number of a variant alone.
    Number(Vec<Variant>),
    /// As an array of a variant's number and the array of its fields.
    Enum(Vec<Variant>),
}

/// An encoded type.
#[derive(Clone)]
pub struct Type {
    /// Rust name.
    pub name: String,
    /// File, from the root.
    pub file: String,
    /// Paragraphs of its documentation.
    pub doc: Vec<String>,
    /// Encoding.
    pub shape: Shape,
}

/// A table of the state.
pub struct Table {
    /// First byte of its keys.
    pub byte: u8,
    /// Name of the constant.
    pub name: String,
    /// File, from the root.
    pub file: String,
    /// Types of the key.
    pub key: syn::Type,
    /// Type of the records.
    pub value: syn::Type,
    /// Whether the authenticated map commits to it.
    pub proven: bool,
    /// What it holds, on one line.
    pub doc: String,
}

/// An act: number, name on the wire, body.
pub struct Act {
    /// Number in the encoding.
    pub number: u32,
    /// Variant's name.
    pub variant: String,
    /// Name in JSON and events.
    pub label: String,
    /// Path of its body.
    pub body: syn::Path,
}

/// Everything read.
#[derive(Default)]
pub struct Source {
    /// Types in the order of crates, files and lines.
    pub types: Vec<Type>,
    /// Tables by byte.
    pub tables: Vec<Table>,
    /// Acts by number.
    pub acts: Vec<Act>,
    /// Names that a file imports, with the path they come from.
    pub imports: BTreeMap<String, BTreeMap<String, String>>,
    /// Constants that are plain numbers, by name.
    pub numbers: BTreeMap<String, String>,
    /// Encodings written by hand, by file and name.
    pub by_hand: Vec<(String, String)>,
}

impl Source {
    /// Reads all crates under `root`.
    ///
    /// # Errors
    /// [`Problem`] names the first file that cannot be read.
    pub fn read(root: &Path) -> Result<Self, Problem> {
        let mut source = Self::default();
        for folder in CRATES {
            let mut files = Vec::new();
            list(&root.join(folder).join("src"), &mut files)?;
            files.sort();
            for path in files {
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| Problem::Read(path.clone(), error))?;
                let file = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                source.file(&file, &text).map_err(|error| Problem::Parse(path, error))?;
            }
        }
        source.tables.sort_by_key(|table| table.byte);
        source.acts.sort_by_key(|act| act.number);
        Ok(source)
    }

    /// The type a path means when it stands in `file`, if it is one of ours.
    pub fn find(&self, file: &str, path: &syn::Path) -> Option<&Type> {
        let name = path.segments.last()?.ident.to_string();
        let mut same = self.types.iter().filter(|ty| ty.name == name);
        let (first, second) = (same.next()?, same.next());
        if second.is_none() {
            return Some(first);
        }
        let all = || self.types.iter().filter(|ty| ty.name == name);
        let spelled: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let imported = self.imports.get(file).and_then(|names| names.get(&name)).cloned();
        let path = if spelled.len() > 1 { Some(spelled.join("::")) } else { imported };
        match path {
            None => all().find(|ty| ty.file == file).or_else(|| nearest(file, all())),
            Some(path) => all().max_by_key(|ty| closeness(file, &path, &ty.file)),
        }
    }

    fn file(&mut self, file: &str, text: &str) -> Result<(), syn::Error> {
        let parsed = syn::parse_file(text)?;
        let mut imports = BTreeMap::new();
        for item in &parsed.items {
            match item {
                Item::Use(item) => walk_use(&item.tree, String::new(), &mut imports),
                Item::Struct(item) if encodes(&item.attrs) => {
                    let shape = match (&item.fields, has(&item.attrs, "cbor", "transparent")) {
                        (fields, true) => match fields.iter().next() {
                            Some(field) => Shape::Alias(field.ty.clone()),
                            None => continue,
                        },
                        (fields, false) => Shape::Struct(read_fields(fields)?),
                    };
                    self.push(file, &item.ident, &item.attrs, shape);
                }
                Item::Enum(item) if encodes(&item.attrs) => {
                    let variants = item
                        .variants
                        .iter()
                        .map(|variant| {
                            Ok(Variant {
                                number: place(&variant.attrs)?,
                                name: variant.ident.to_string(),
                                fields: read_fields(&variant.fields)?,
                                doc: first_paragraph(&variant.attrs),
                            })
                        })
                        .collect::<Result<_, syn::Error>>()?;
                    let alone = has(&item.attrs, "cbor", "index_only");
                    let shape = if alone { Shape::Number(variants) } else { Shape::Enum(variants) };
                    self.push(file, &item.ident, &item.attrs, shape);
                }
                Item::Impl(item) => {
                    let encodes =
                        item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
                    if encodes.is_some_and(|segment| segment.ident == "Encode")
                        && let syn::Type::Path(ty) = &*item.self_ty
                        && let Some(name) = ty.path.segments.last()
                    {
                        self.by_hand.push((file.to_owned(), name.ident.to_string()));
                    }
                }
                Item::Const(item) => self.constant(file, item)?,
                Item::Macro(item) => self.made_by_macro(file, item)?,
                _ => {}
            }
        }
        self.imports.insert(file.to_owned(), imports);
        Ok(())
    }

    fn push(&mut self, file: &str, name: &syn::Ident, attrs: &[Attribute], shape: Shape) {
        let (name, file, doc) = (name.to_string(), file.to_owned(), paragraphs(attrs));
        self.types.push(Type { name, file, doc, shape });
    }

    /// `pub const NAME: Table<Key, Record> = Table::proven(0x20);`
    fn constant(&mut self, file: &str, item: &syn::ItemConst) -> Result<(), syn::Error> {
        if let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) = &*item.expr {
            self.numbers.insert(item.ident.to_string(), number.base10_digits().to_owned());
        }
        let syn::Type::Path(ty) = &*item.ty else { return Ok(()) };
        let Some(segment) = ty.path.segments.last().filter(|s| s.ident == "Table") else {
            return Ok(());
        };
        let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else {
            return Ok(());
        };
        let types: Vec<&syn::Type> = arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                syn::GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect();
        let ([key, value], syn::Expr::Call(call)) = (types.as_slice(), &*item.expr) else {
            return Ok(());
        };
        let syn::Expr::Path(function) = &*call.func else { return Ok(()) };
        let proven = function.path.segments.last().is_some_and(|s| s.ident == "proven");
        let Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(byte), .. })) = call.args.first()
        else {
            return Ok(());
        };
        self.tables.push(Table {
            byte: byte.base10_parse()?,
            name: item.ident.to_string(),
            file: file.to_owned(),
            key: (*key).clone(),
            value: (*value).clone(),
            proven,
            doc: first_paragraph(&item.attrs),
        });
        Ok(())
    }

    fn made_by_macro(&mut self, file: &str, item: &syn::ItemMacro) -> Result<(), syn::Error> {
        let Some(name) = item.mac.path.segments.last().map(|s| s.ident.to_string()) else {
            return Ok(());
        };
        match name.as_str() {
            "bytes_newtype" | "code_newtype" | "number_newtype" => {
                let Newtype { attrs, ident, argument } = item.mac.parse_body()?;
                let shape = match name.as_str() {
                    "bytes_newtype" => Shape::Cddl(format!("bstr .size {argument}")),
                    "code_newtype" => {
                        Shape::Cddl(format!("tstr .regexp \"[0-9A-Z]{{{argument}}}\""))
                    }
                    _ => Shape::Alias(syn::parse_str(&argument)?),
                };
                self.push(file, &ident, &attrs, shape);
            }
            "digest_newtype" => {
                for (attrs, ident) in item.mac.parse_body::<NameList>()?.0 {
                    self.push(file, &ident, &attrs, Shape::Cddl("bstr .size 32".to_owned()));
                }
            }
            "acts" => self.acts = item.mac.parse_body::<ActList>()?.0,
            _ => {}
        }
        Ok(())
    }
}

/// `/// doc` `Name, argument…`
struct Newtype {
    attrs: Vec<Attribute>,
    ident: syn::Ident,
    argument: String,
}

impl syn::parse::Parse for Newtype {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let ident = input.parse()?;
        input.parse::<syn::Token![,]>()?;
        let argument = match input.parse::<syn::Expr>()? {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(length), .. }) => length.to_string(),
            syn::Expr::Path(path) => path.path.require_ident()?.to_string(),
            _ => return Err(input.error("a length or a type")),
        };
        input.parse::<proc_macro2::TokenStream>()?;
        Ok(Self { attrs, ident, argument })
    }
}

/// `/// doc` `Name` …
struct NameList(Vec<(Vec<Attribute>, syn::Ident)>);

impl syn::parse::Parse for NameList {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let mut names = Vec::new();
        while !input.is_empty() {
            names.push((input.call(Attribute::parse_outer)?, input.parse()?));
        }
        Ok(Self(names))
    }
}

/// `number Variant(body) "label",` …
struct ActList(Vec<Act>);

impl syn::parse::Parse for ActList {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let mut acts = Vec::new();
        while !input.is_empty() {
            let number = input.parse::<syn::LitInt>()?.base10_parse()?;
            let variant = input.parse::<syn::Ident>()?.to_string();
            let inside;
            syn::parenthesized!(inside in input);
            let body = inside.parse()?;
            let label = input.parse::<syn::LitStr>()?.value();
            input.parse::<syn::Token![,]>()?;
            acts.push(Act { number, variant, label, body });
        }
        Ok(Self(acts))
    }
}

/// Every source file below a folder but tests and what is for tests.
fn list(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| Problem::Read(folder.to_owned(), error))?;
    for entry in entries {
        let path = entry.map_err(|error| Problem::Read(folder.to_owned(), error))?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem == "tests" || stem.ends_with("_tests") || stem == "testkit" || stem == "testing" {
            continue;
        }
        if path.is_dir() {
            list(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn walk_use(tree: &syn::UseTree, prefix: String, names: &mut BTreeMap<String, String>) {
    let join = |name: &dyn ToString| {
        if prefix.is_empty() { name.to_string() } else { format!("{prefix}::{}", name.to_string()) }
    };
    match tree {
        syn::UseTree::Path(path) => walk_use(&path.tree, join(&path.ident), names),
        syn::UseTree::Name(name) => {
            names.insert(name.ident.to_string(), join(&name.ident));
        }
        syn::UseTree::Rename(name) => {
            names.insert(name.rename.to_string(), join(&name.ident));
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                walk_use(tree, prefix.clone(), names);
            }
        }
        syn::UseTree::Glob(_) => {}
    }
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn crate_of(file: &str) -> &str {
    file.split('/').next().unwrap_or("")
}

/// The type whose file lies nearest: same folder, else same crate.
fn nearest<'a>(file: &str, mut all: impl Iterator<Item = &'a Type> + Clone) -> Option<&'a Type> {
    let again = all.clone();
    all.find(|ty| folder_of(&ty.file) == folder_of(file))
        .or_else(|| again.into_iter().find(|ty| crate_of(&ty.file) == crate_of(file)))
}

/// How well a file fits a path that names something in it.
fn closeness(from: &str, path: &str, file: &str) -> usize {
    let home = match path.split("::").next().unwrap_or("") {
        "crate" | "super" | "self" => crate_of(from).to_owned(),
        first => {
            first.strip_prefix("hefu_").map_or_else(|| crate_of(from).to_owned(), str::to_owned)
        }
    };
    let parts: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    let named = path.split("::").filter(|name| parts.contains(name)).count();
    let near = usize::from(folder_of(from) == folder_of(file));
    let right = usize::from(crate_of(file) == home);
    right.saturating_mul(100) + named.saturating_mul(10) + near
}

fn encodes(attrs: &[Attribute]) -> bool {
    has(attrs, "derive", "Encode")
}

/// Whether an attribute `#[name(… word …)]` stands there.
fn has(attrs: &[Attribute], name: &str, word: &str) -> bool {
    attrs.iter().filter(|attr| attr.path().is_ident(name)).any(|attr| {
        let mut found = false;
        let _ = attr.parse_nested_meta(|meta| {
            found |= meta.path.segments.last().is_some_and(|segment| segment.ident == word);
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in meta.input);
                inside.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        });
        found
    })
}

/// The number in `#[n(3)]` or `#[cbor(n(3), …)]`.
fn place(attrs: &[Attribute]) -> Result<u32, syn::Error> {
    let mut number = None;
    for attr in attrs {
        if attr.path().is_ident("n") {
            number = Some(attr.parse_args::<syn::LitInt>()?.base10_parse()?);
        } else if attr.path().is_ident("cbor") {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("n") {
                    let inside;
                    syn::parenthesized!(inside in meta.input);
                    number = Some(inside.parse::<syn::LitInt>()?.base10_parse()?);
                } else if meta.input.peek(syn::Token![=]) {
                    meta.value()?.parse::<syn::Expr>()?;
                }
                Ok(())
            })?;
        }
    }
    number.ok_or_else(|| {
        syn::Error::new(proc_macro2::Span::call_site(), "a field or variant without a number")
    })
}

fn read_fields(fields: &Fields) -> Result<Vec<Field>, syn::Error> {
    let mut read: Vec<Field> = fields
        .iter()
        .map(|field| {
            Ok(Field {
                place: place(&field.attrs)?,
                name: field.ident.as_ref().map(ToString::to_string),
                ty: field.ty.clone(),
                optional: is_option(&field.ty) || has(&field.attrs, "cbor", "has_nil"),
                doc: first_paragraph(&field.attrs),
            })
        })
        .collect::<Result<_, syn::Error>>()?;
    read.sort_by_key(|field| field.place);
    Ok(read)
}

fn is_option(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Option"))
}

/// The paragraphs of a doc comment, each on one line.
fn paragraphs(attrs: &[Attribute]) -> Vec<String> {
    let mut found = vec![String::new()];
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        let syn::Meta::NameValue(meta) = &attr.meta else { continue };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &meta.value else {
            continue;
        };
        let line = line.value();
        match (line.trim(), found.last_mut()) {
            ("", _) => found.push(String::new()),
            (line, Some(last)) => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            (_, None) => {}
        }
    }
    found.retain(|paragraph| !paragraph.is_empty());
    // Links within the crate's own documentation lead nowhere here.
    found.into_iter().map(|text| text.replace("[`", "`").replace("`]", "`")).collect()
}

fn first_paragraph(attrs: &[Attribute]) -> String {
    paragraphs(attrs).into_iter().next().unwrap_or_default()
}

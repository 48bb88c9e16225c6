//! One field: its description, its type, and what its attribute says.

use crate::literal::Literal;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Error, Expr, GenericArgument, Ident, Lit, Meta, PathArguments, Token, Type};

/// Types that the macro knows, by the last word of their path.
const KINDS: &[(&str, &[&str])] = &[
    ("string", &["String"]),
    (
        "integer",
        &[
            "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize", "isize",
        ],
    ),
    ("number", &["f32", "f64", "Decimal"]),
    ("boolean", &["bool"]),
    ("array", &["Vec", "BTreeSet"]),
    ("table", &["BTreeMap", "Map", "Value"]),
];

/// A parameter.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    ty: Type,
    /// Added by the host, so not declared.
    host: bool,
    kind: String,
    optional: bool,
    description: String,
    said: Said,
}

/// What stands in `#[param(..)]`, as JSON.
#[derive(Default)]
struct Said {
    default: Option<String>,
    min: Option<String>,
    max: Option<String>,
    one_of: Option<String>,
    unit: String,
    path: String,
}

impl Field {
    pub(crate) fn read(field: &syn::Field) -> Result<Self, Error> {
        let ident = field
            .ident
            .clone()
            .ok_or_else(|| Error::new_spanned(field, "parameters have names"))?;
        let inner = option(&field.ty);
        let attribute = Attribute::read(field)?;
        let description = doc(field);
        if description.is_empty() && !attribute.host {
            return Err(Error::new_spanned(
                &ident,
                format!(
                    "the parameter `{ident}` has no description: write a doc comment (`/// ..`) above it; it is what \
                     README, `plugin inspect` and error messages say about it"
                ),
            ));
        }
        let kind = match &attribute.kind {
            Some(kind) => kind.clone(),
            None if attribute.host => String::new(),
            None => kind(inner.unwrap_or(&field.ty)).ok_or_else(|| {
                Error::new_spanned(
                    &field.ty,
                    "the macro does not know this type: say `#[param(type = \"string\")]`, or integer, number, boolean, \
                     array, table",
                )
            })?,
        };
        Ok(Self {
            said: attribute.said(&kind)?,
            ident,
            ty: field.ty.clone(),
            host: attribute.host,
            kind,
            optional: inner.is_some(),
            description,
        })
    }

    /// The field of the struct that is read.
    pub(crate) fn written(&self) -> Tokens {
        let (ident, ty) = (&self.ident, &self.ty);
        let rename = self.host.then(|| {
            let name = format!("_{ident}");
            quote!(#[serde(rename = #name)])
        });
        quote!(#rename #ident: #ty)
    }

    /// Its declaration; none for what the host adds.
    pub(crate) fn spec(&self) -> Option<Tokens> {
        if self.host {
            return None;
        }
        let name = self.ident.to_string();
        let (kind, description) = (&self.kind, &self.description);
        let Said {
            default,
            min,
            max,
            one_of,
            unit,
            path,
        } = &self.said;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (min, max, one_of) = (text(min), text(max), text(one_of));
        let required = default.is_none() && !self.optional;
        let default = text(default);
        Some(quote! {
            ::chenbao_plugin::ParamSpec {
                name: #name, kind: #kind, description: #description, required: #required,
                default: #default, min: #min, max: #max, one_of: #one_of, unit: #unit, path: #path,
            }
        })
    }
}

/// The attribute as it is written.
#[derive(Default)]
struct Attribute {
    host: bool,
    kind: Option<String>,
    unit: String,
    path: String,
    values: Vec<(Ident, Literal)>,
}

impl Attribute {
    fn read(field: &syn::Field) -> Result<Self, Error> {
        let mut all = Self::default();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                let Some(name) = meta.path.get_ident().cloned() else {
                    return Err(meta.error("say `default`, `min`, `max`, `unit`, `one_of`, `path`, `type` or `host`"));
                };
                match name.to_string().as_str() {
                    "host" => all.host = true,
                    "type" => all.kind = Some(meta.value()?.parse::<syn::LitStr>()?.value()),
                    "unit" => all.unit = meta.value()?.parse::<syn::LitStr>()?.value(),
                    "path" => all.path = meta.value()?.parse::<syn::LitStr>()?.value(),
                    "default" | "min" | "max" | "one_of" => {
                        let literal = meta.value()?.parse::<Literal>()?;
                        all.values.push((name, literal));
                    }
                    other => {
                        return Err(meta.error(format!(
                            "there is no `{other}`: say `default`, `min`, `max`, `unit`, `one_of`, `path`, `type` or `host`"
                        )));
                    }
                }
                if meta.input.is_empty() || meta.input.peek(Token![,]) {
                    Ok(())
                } else {
                    Err(meta.error("a comma goes between the parts"))
                }
            })?;
        }
        Ok(all)
    }

    fn said(&self, kind: &str) -> Result<Said, Error> {
        let mut said = Said {
            unit: self.unit.clone(),
            path: self.path.clone(),
            ..Said::default()
        };
        for (name, literal) in &self.values {
            let what = name.to_string();
            let (slot, json) = match what.as_str() {
                "default" => (&mut said.default, literal.of(&what, kind, name.span())?),
                "one_of" => {
                    let Literal::List(list) = literal else {
                        return Err(Error::new(name.span(), "`one_of` is a list"));
                    };
                    if !list.iter().all(|one| one.fits(kind)) {
                        return Err(Error::new(
                            name.span(),
                            format!("`one_of` lists what is not of the parameter's type, {kind}"),
                        ));
                    }
                    (&mut said.one_of, literal.json())
                }
                bound => {
                    if !matches!(kind, "integer" | "number") {
                        return Err(Error::new(
                            name.span(),
                            format!("only numbers have `{bound}`, this is {kind}"),
                        ));
                    }
                    let json = literal.of(&what, kind, name.span())?;
                    (
                        if bound == "min" {
                            &mut said.min
                        } else {
                            &mut said.max
                        },
                        json,
                    )
                }
            };
            if slot.replace(json).is_some() {
                return Err(Error::new(
                    name.span(),
                    format!("`{what}` stands here twice"),
                ));
            }
        }
        Ok(said)
    }
}

/// The doc comment as one paragraph.
fn doc(field: &syn::Field) -> String {
    let line = |attribute: &syn::Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(value) => match &value.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = field.attrs.iter().filter_map(line).collect();
    lines.join(" ").trim().to_owned()
}

/// `T` of `Option<T>`.
fn option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

fn kind(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?.ident.to_string();
    let (kind, _) = KINDS
        .iter()
        .find(|(_, names)| names.contains(&last.as_str()))?;
    Some((*kind).to_owned())
}

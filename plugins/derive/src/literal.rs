//! What stands after `default =` and its like: a literal, or a list of literals.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Lit, Token, bracketed};

/// A literal of the attribute.
pub(crate) enum Literal {
    Text(String),
    Integer(String),
    Number(String),
    Bool(bool),
    List(Vec<Literal>),
}

impl Parse for Literal {
    fn parse(input: ParseStream<'_>) -> Result<Self, Error> {
        if input.peek(syn::token::Bracket) {
            let content;
            bracketed!(content in input);
            let list = Punctuated::<Self, Token![,]>::parse_terminated(&content)?;
            return Ok(Self::List(list.into_iter().collect()));
        }
        let minus = input.parse::<Option<Token![-]>>()?.map_or("", |_| "-");
        match input.parse::<Lit>()? {
            Lit::Str(text) if minus.is_empty() => Ok(Self::Text(text.value())),
            Lit::Bool(value) if minus.is_empty() => Ok(Self::Bool(value.value)),
            Lit::Int(value) => Ok(Self::Integer(format!("{minus}{}", value.base10_digits()))),
            Lit::Float(value) => Ok(Self::Number(format!("{minus}{}", value.base10_digits()))),
            other => Err(Error::new(
                other.span(),
                "write a text, a number, true, false, or a list of them",
            )),
        }
    }
}

impl Literal {
    /// As JSON.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(digits) | Self::Number(digits) => digits.clone(),
            Self::Bool(value) => value.to_string(),
            Self::List(list) => {
                let all: Vec<String> = list.iter().map(Self::json).collect();
                format!("[{}]", all.join(","))
            }
        }
    }

    /// Whether a parameter of that type can have it.
    pub(crate) fn fits(&self, kind: &str) -> bool {
        match kind {
            "string" => matches!(self, Self::Text(_)),
            "integer" => matches!(self, Self::Integer(_)),
            "number" => matches!(self, Self::Integer(_) | Self::Number(_)),
            "boolean" => matches!(self, Self::Bool(_)),
            "array" => matches!(self, Self::List(_)),
            _ => false,
        }
    }

    /// As JSON, if a parameter of that type can have it.
    pub(crate) fn of(&self, what: &str, kind: &str, span: Span) -> Result<String, Error> {
        if self.fits(kind) {
            return Ok(self.json());
        }
        Err(Error::new(
            span,
            format!("`{what}` is not of the parameter's type, {kind}"),
        ))
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

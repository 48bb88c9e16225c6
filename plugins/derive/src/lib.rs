//! `#[derive(Params)]`: the parameters of a metric, or the options of a source, declared where they are used.
//!
//! A field's doc comment is its description, and a field without one does not compile. What the attribute says becomes
//! the `[params.*]` or `[options.*]` part of the descriptor, so that nothing is written twice.

mod field;
mod literal;

use field::Field;
use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, parse_macro_input};

/// Declares a struct's fields as parameters and reads them.
///
/// ```ignore
/// #[derive(Debug, Params)]
/// struct Params {
///     /// Orders from this amount on count as large.
///     #[param(default = 300.0, min = 0.0, unit = "money")]
///     large_from: f64,
/// }
/// ```
///
/// In `#[param(..)]` may stand `default`, `min`, `max`, `unit`, `one_of = [..]`, `path = "folder"` for what a
/// source may then read, `type = ".."` for a type that the macro
/// does not know, and `host` for what the host adds by itself (`_base`). A field without a default is required, unless it
/// is an `Option`.
#[proc_macro_derive(Params, attributes(param))]
pub fn params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expand(input: &DeriveInput) -> Result<Tokens, Error> {
    let fields = fields(input)?;
    let name = &input.ident;
    let specs = fields.iter().filter_map(Field::spec);
    let written = fields.iter().map(Field::written);
    let names: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    Ok(quote! {
        const _: () = {
            #[derive(::chenbao_plugin::serde::Deserialize)]
            #[serde(crate = "::chenbao_plugin::serde", deny_unknown_fields)]
            struct Written { #(#written),* }

            impl ::chenbao_plugin::Params for #name {
                const DECLARED: &'static [::chenbao_plugin::ParamSpec] = &[#(#specs),*];
            }

            impl<'de> ::chenbao_plugin::serde::Deserialize<'de> for #name {
                fn deserialize<D: ::chenbao_plugin::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    let Written { #(#names),* } =
                        ::chenbao_plugin::export::params::<Written, D>(
                            deserializer,
                            <Self as ::chenbao_plugin::Params>::DECLARED,
                        )?;
                    ::core::result::Result::Ok(Self { #(#names),* })
                }
            }
        };
    })
}

/// The fields, or everything that is wrong with them at once.
fn fields(input: &DeriveInput) -> Result<Vec<Field>, Error> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "parameters are the fields of a struct",
        ));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "parameters have no generics",
        ));
    }
    let named = match &data.fields {
        Fields::Named(named) => named.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            return Err(Error::new_spanned(
                fields,
                "parameters have names: write `struct Params { .. }`",
            ));
        }
    };
    let mut fields = Vec::new();
    let mut wrong: Option<Error> = None;
    for field in named {
        match Field::read(field) {
            Ok(field) => fields.push(field),
            Err(error) => match &mut wrong {
                Some(all) => all.combine(error),
                None => wrong = Some(error),
            },
        }
    }
    wrong.map_or(Ok(fields), Err)
}

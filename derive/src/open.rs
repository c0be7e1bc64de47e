//! `#[derive(Open)]`: a struct whose fields are opened one by one, each under its own name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, LitStr};

/// Returns the implementation for a struct with named fields, or the error in it.
pub fn expand(input: &DeriveInput) -> Result<TokenStream, Error> {
    let expected = "`Open` is for a struct with named fields, each opened under its own name";
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.ident.span(), expected));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(input.ident.span(), expected));
    };
    let opened = fields
        .named
        .iter()
        .map(opened)
        .collect::<Result<Vec<_>, _>>()?;
    let ident = &input.ident;
    let (implemented, generics, conditions) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #implemented ::millpond::Open for #ident #generics #conditions {
            fn open_by_name(name: &str) -> ::millpond::Result<Self> {
                ::core::result::Result::Ok(Self { #(#opened),* })
            }
        }
    })
}

/// The initialiser of a field.
fn opened(field: &Field) -> Result<TokenStream, Error> {
    let ident = field.ident.as_ref().expect("a named field");
    let mut name = ident.unraw().to_string();
    for attribute in field
        .attrs
        .iter()
        .filter(|found| found.path().is_ident("open"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name = \"…\"`"));
            }
            name = meta.value()?.parse::<LitStr>()?.value();
            Ok(())
        })?;
    }
    let ty = &field.ty;
    Ok(quote! {
        #ident: <#ty as ::millpond::Open>::open_by_name(&::std::format!("{name}/{}", #name))?
    })
}

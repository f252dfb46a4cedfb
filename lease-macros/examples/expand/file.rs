//! The annotated functions of a file, expanded.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, ImplItem, Item};

/// Replaces the annotated functions by their expansions. Keeps the other items if `rest`.
pub(crate) fn expand_annotated(items: Vec<Item>, rest: bool) -> Vec<Item> {
    items.into_iter().flat_map(|item| expand_item(item, rest)).collect()
}

fn expand_item(mut item: Item, rest: bool) -> Vec<Item> {
    let found = match &mut item {
        Item::Fn(function) => {
            if let Some(args) = take_args(&mut function.attrs) {
                return parse(crate::expand::leader_only(args, function.to_token_stream()));
            }
            false
        }
        Item::Impl(block) => {
            for mut method in std::mem::take(&mut block.items) {
                if let ImplItem::Fn(function) = &mut method
                    && let Some(args) = take_args(&mut function.attrs)
                {
                    let expanded = crate::expand::leader_only(args, function.to_token_stream());
                    for block_of_its_own in parse(quote!(impl X { #expanded })) {
                        let Item::Impl(expanded) = block_of_its_own else { continue };
                        block.items.extend(expanded.items);
                    }
                } else if rest {
                    block.items.push(method);
                }
            }
            !block.items.is_empty()
        }
        Item::Mod(module) => {
            if let Some((_, items)) = &mut module.content {
                *items = expand_annotated(std::mem::take(items), rest);
            }
            module.content.as_ref().is_some_and(|(_, items)| !items.is_empty())
        }
        _ => false,
    };
    if found || rest { vec![item] } else { Vec::new() }
}

fn parse(expanded: TokenStream) -> Vec<Item> {
    match syn::parse2::<syn::File>(expanded.clone()) {
        Ok(file) => file.items,
        Err(error) => panic!("the expansion is not valid Rust: {error}: {expanded}"),
    }
}

/// Removes the attribute and returns its arguments.
pub(crate) fn take_args(attrs: &mut Vec<Attribute>) -> Option<TokenStream> {
    let is_ours = |attr: &Attribute| attr.path().segments.last().is_some_and(|last| last.ident == "leader_only");
    let at = attrs.iter().position(is_ours)?;
    let list = attrs.remove(at).meta.require_list().map(|list| list.tokens.clone());
    Some(list.unwrap_or_default())
}

//! Removes the code of tests from a file.

use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, ImplItem, Item, Meta, Stmt, Token};

/// Removes code that is compiled only for tests: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, ..))]`.
pub(super) fn remove_tests(file: &mut syn::File) {
    RemoveTests.visit_file_mut(file);
}

/// Whether an item with these attributes exists only in tests.
fn is_only_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => list.parse_args().is_ok_and(|meta| needs_test(&meta)),
        _ => false,
    })
}

/// Whether the condition of a `cfg` holds only in tests.
fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
            if list.path.is_ident("all") {
                parts.iter().any(needs_test)
            } else {
                list.path.is_ident("any") && !parts.is_empty() && parts.iter().all(needs_test)
            }
        }
        Meta::NameValue(_) => false,
    }
}

struct RemoveTests;

impl VisitMut for RemoveTests {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        if is_only_for_tests(&file.attrs) {
            file.items.clear();
        }
        file.items.retain(|item| !is_only_for_tests(item_attributes(item)));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| !is_only_for_tests(item_attributes(item)));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        item.items.retain(|item| !is_only_for_tests(impl_item_attributes(item)));
        visit_mut::visit_item_impl_mut(self, item);
    }

    fn visit_fields_named_mut(&mut self, fields: &mut syn::FieldsNamed) {
        let kept = std::mem::take(&mut fields.named);
        fields.named = kept.into_iter().filter(|field| !is_only_for_tests(&field.attrs)).collect();
        visit_mut::visit_fields_named_mut(self, fields);
    }

    fn visit_expr_struct_mut(&mut self, value: &mut syn::ExprStruct) {
        let kept = std::mem::take(&mut value.fields);
        value.fields = kept.into_iter().filter(|field| !is_only_for_tests(&field.attrs)).collect();
        visit_mut::visit_expr_struct_mut(self, value);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        let kept = std::mem::take(&mut item.variants);
        item.variants = kept.into_iter().filter(|variant| !is_only_for_tests(&variant.attrs)).collect();
        visit_mut::visit_item_enum_mut(self, item);
    }

    fn visit_expr_match_mut(&mut self, value: &mut syn::ExprMatch) {
        value.arms.retain(|arm| !is_only_for_tests(&arm.attrs));
        visit_mut::visit_expr_match_mut(self, value);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(|statement| !is_only_for_tests(statement_attributes(statement)));
        visit_mut::visit_block_mut(self, block);
    }
}

fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn impl_item_attributes(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        ImplItem::Macro(item) => &item.attrs,
        _ => &[],
    }
}

fn statement_attributes(statement: &Stmt) -> &[Attribute] {
    match statement {
        Stmt::Local(local) => &local.attrs,
        Stmt::Item(item) => item_attributes(item),
        Stmt::Macro(call) => &call.attrs,
        Stmt::Expr(Expr::Assign(value), _) => &value.attrs,
        Stmt::Expr(Expr::Block(value), _) => &value.attrs,
        Stmt::Expr(Expr::Call(value), _) => &value.attrs,
        Stmt::Expr(Expr::If(value), _) => &value.attrs,
        Stmt::Expr(Expr::MethodCall(value), _) => &value.attrs,
        Stmt::Expr(..) => &[],
    }
}

//! `arrows`: no circle of files within a crate, no arrow against the order of modules, and no dependency that a crate
//! without I/O must not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use crate::circles::{circles, shortest_circle};
use crate::error::Result;
use crate::order::{DEPENDENCIES, EXCEPTIONS, Exception, ORDERS, Order};
use crate::source::{self, Arrow, FileId, Source};
use crate::workspace::Workspace;

/// Fails with a list of the circles and of the arrows that point the wrong way.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let source = source::read(workspace)?;
    let findings = Findings::of(&source, EXCEPTIONS, ORDERS);
    print!("{}", findings.text(&source, &workspace.workspace_root));
    let unexpected = unexpected_dependencies(workspace);
    unexpected.iter().for_each(|dependency| println!("{dependency}"));
    if findings.is_clean() && unexpected.is_empty() {
        return Ok(());
    }
    Err(format!("{}, {} dependencies that are not listed", findings.summary(), unexpected.len()).into())
}

/// Dependencies of the crates without I/O that are not in the list.
fn unexpected_dependencies(workspace: &Workspace) -> Vec<String> {
    let mut unexpected = Vec::new();
    for (name, allowed) in DEPENDENCIES {
        let package = workspace.packages.iter().find(|package| package.name == *name);
        let dependencies = package.into_iter().flat_map(|package| &package.dependencies);
        let wrong = dependencies.filter(|other| other.is_normal() && !allowed.contains(&other.name.as_str()));
        unexpected.extend(wrong.map(|other| format!("{name} depends on {}: it may not", other.name)));
    }
    unexpected
}

/// The problems with the arrows of some crates.
struct Findings {
    arrows: Vec<Arrow>,
    circles: Vec<Vec<FileId>>,
    /// Other circles of top-level modules, as `crate::module`.
    module_circles: Vec<Vec<String>>,
    excepted: Vec<(Vec<FileId>, &'static str)>,
    /// Arrows against an order.
    wrong: Vec<Arrow>,
    /// Top-level modules that an order does not list, as `crate::module`.
    unlisted: Vec<String>,
    /// Exceptions that cover no circle.
    unneeded: Vec<String>,
}

impl Findings {
    fn of(source: &Source, exceptions: &[Exception], orders: &[Order]) -> Findings {
        let mut arrows = source.arrows();
        arrows.retain(|arrow| source.file(arrow.from).crate_name == source.file(arrow.to).crate_name);
        let edges = edges(&arrows);
        let (mut found, mut excepted) = (Vec::new(), Vec::new());
        for circle in circles(source.files.len(), &edges) {
            let circle: Vec<FileId> = circle.into_iter().map(FileId).collect();
            match exceptions.iter().find(|exception| exception.covers(source, &circle)) {
                Some(exception) => excepted.push((circle, exception.reason)),
                None => found.push(circle),
            }
        }
        let wrong = arrows.iter().filter(|arrow| orders.iter().any(|order| order.forbids(source, arrow)));
        let wrong: Vec<Arrow> = wrong.cloned().collect();
        let unlisted = orders.iter().flat_map(|order| order.unlisted(source)).collect();
        let is_needed = |exception: &&Exception| excepted.iter().any(|(_, reason)| *reason == exception.reason);
        let unneeded = exceptions.iter().filter(|exception| !is_needed(exception));
        let unneeded = unneeded.map(|exception| exception.files.join(", ")).collect();
        let mut module_circles = module_circles(source, &arrows);
        // Skips circles that are reported already: a circle of files in the same modules, or a wrong arrow between them.
        let of_files: Vec<_> = found.iter().chain(excepted.iter().map(|(circle, _)| circle)).collect();
        module_circles.retain(|modules| {
            let is_within = |file| source.top_level(file).is_some_and(|module| modules.contains(&module));
            !of_files.iter().any(|circle| top_levels(source, circle).iter().eq(modules))
                && !wrong.iter().any(|arrow| is_within(arrow.from) && is_within(arrow.to))
        });
        Findings { arrows, circles: found, module_circles, excepted, wrong, unlisted, unneeded }
    }

    fn is_clean(&self) -> bool {
        let circles = self.circles.len() + self.module_circles.len();
        circles + self.wrong.len() + self.unlisted.len() + self.unneeded.len() == 0
    }

    fn summary(&self) -> String {
        let (circles, modules, wrong) = (self.circles.len(), self.module_circles.len(), self.wrong.len());
        let entries = self.unlisted.len() + self.unneeded.len();
        format!(
            "{circles} circles of files, {modules} of modules, {wrong} arrows against the order of modules, {entries} entries of order.rs to fix"
        )
    }

    fn text(&self, source: &Source, root: &Path) -> String {
        let mut text = String::new();
        for (circle, reason) in &self.excepted {
            let names: Vec<_> = circle.iter().map(|&file| source.shown(file, root)).collect();
            let _ = writeln!(text, "allowed circle: {}: {reason}\n", names.join(", "));
        }
        for circle in &self.circles {
            self.write_circle(&mut text, circle, source, root);
        }
        for modules in &self.module_circles {
            let _ = writeln!(text, "a circle of top-level modules: {}", modules.join(", "));
            let is_within = |file| source.top_level(file).is_some_and(|module| modules.contains(&module));
            let between = |arrow: &&Arrow| source.top_level(arrow.from) != source.top_level(arrow.to);
            let within =
                self.arrows.iter().filter(|arrow| is_within(arrow.from) && is_within(arrow.to)).filter(between);
            write_arrows(&mut text, &within.cloned().collect::<Vec<_>>(), source, root);
            text.push('\n');
        }
        if !self.wrong.is_empty() {
            let _ = writeln!(text, "{} arrows against the order of modules:", self.wrong.len());
            write_arrows(&mut text, &self.wrong, source, root);
        }
        for module in &self.unlisted {
            let _ = writeln!(text, "{module} has no place in the order: give it one in tests/house/src/order.rs");
        }
        for files in &self.unneeded {
            let _ = writeln!(text, "no circle of {files} is left: remove the exception from tests/house/src/order.rs");
        }
        text
    }

    fn write_circle(&self, text: &mut String, circle: &[FileId], source: &Source, root: &Path) {
        let _ = writeln!(text, "a circle of {} files:", circle.len());
        let within = |arrow: &&Arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to);
        let arrows: Vec<Arrow> = self.arrows.iter().filter(within).cloned().collect();
        write_arrows(text, &arrows, source, root);
        if circle.len() > 2 {
            let _ = writeln!(text, "  the shortest circles in it:");
            for way in shortest_circles(circle, &edges(&arrows)) {
                let names: Vec<_> = way.into_iter().map(|file| source.module_name(FileId(file))).collect();
                let _ = writeln!(text, "    {} -> {}", names.join(" -> "), names[0]);
            }
        }
        text.push('\n');
    }
}

fn top_levels(source: &Source, files: &[FileId]) -> BTreeSet<String> {
    files.iter().filter_map(|&file| source.top_level(file)).collect()
}

/// Circles of the top-level modules of each crate.
fn module_circles(source: &Source, arrows: &[Arrow]) -> Vec<Vec<String>> {
    let ends = arrows.iter().filter_map(|arrow| Some((source.top_level(arrow.from)?, source.top_level(arrow.to)?)));
    let ends: Vec<(String, String)> = ends.filter(|(from, to)| from != to).collect();
    let names: BTreeSet<&String> = ends.iter().flat_map(|(from, to)| [from, to]).collect();
    let names: Vec<&String> = names.into_iter().collect();
    let at = |name: &String| names.binary_search(&name).expect("each end has a name");
    let edges: Vec<_> = ends.iter().map(|(from, to)| (at(from), at(to))).collect();
    let named = |circle: Vec<usize>| circle.into_iter().map(|module| names[module].clone()).collect();
    circles(names.len(), &edges).into_iter().map(named).collect()
}

fn edges(arrows: &[Arrow]) -> Vec<(usize, usize)> {
    let mut edges: Vec<_> = arrows.iter().map(|arrow| (arrow.from.0, arrow.to.0)).collect();
    edges.dedup();
    edges
}

/// The shortest circle through each file, each circle once, beginning with its first file.
fn shortest_circles(circle: &[FileId], edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let among: Vec<usize> = circle.iter().map(|file| file.0).collect();
    let shortest = among.iter().filter_map(|&start| shortest_circle(start, &among, edges));
    let mut found: Vec<Vec<usize>> = shortest.map(with_smallest_first).collect();
    found.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    found.dedup();
    found
}

fn with_smallest_first(mut way: Vec<usize>) -> Vec<usize> {
    let smallest = (0..way.len()).min_by_key(|&at| way[at]).unwrap_or(0);
    way.rotate_left(smallest);
    way
}

/// One line for each pair of files, with the items.
fn write_arrows(text: &mut String, arrows: &[Arrow], source: &Source, root: &Path) {
    let mut items: BTreeMap<(FileId, FileId), Vec<&str>> = BTreeMap::new();
    for arrow in arrows {
        items.entry((arrow.from, arrow.to)).or_default().push(&arrow.item);
    }
    for ((from, to), items) in items {
        let (from, to) = (source.shown(from, root), source.shown(to, root));
        let _ = writeln!(text, "  {from} -> {to}: {}", items.join(", "));
    }
}

impl Exception {
    fn covers(&self, source: &Source, circle: &[FileId]) -> bool {
        circle.iter().all(|&file| self.files.iter().any(|end| source.file(file).path.ends_with(end)))
    }
}

impl Order {
    /// Whether an arrow points from a lower row to a higher one. The root of the crate only declares and re-exports.
    fn forbids(&self, source: &Source, arrow: &Arrow) -> bool {
        source.file(arrow.from).crate_name == self.crate_name
            && self.row(source, arrow.from).zip(self.row(source, arrow.to)).is_some_and(|(from, to)| from < to)
    }

    fn row(&self, source: &Source, file: FileId) -> Option<usize> {
        let module = source.file(file).module.first()?;
        self.rows.iter().position(|row| row.contains(&module.as_str()))
    }

    fn unlisted(&self, source: &Source) -> Vec<String> {
        let own = source.files.iter().filter(|file| file.crate_name == self.crate_name);
        let modules = own.filter_map(|file| file.module.first());
        let is_listed = |module: &&String| self.rows.iter().any(|row| row.contains(&module.as_str()));
        let mut unlisted: Vec<_> = modules.filter(|module| !is_listed(module)).collect();
        unlisted.dedup();
        unlisted.into_iter().map(|module| format!("{}::{module}", self.crate_name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::source;

    const CIRCLE: &[(&str, &str)] = &[
        ("one/lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("one/a.rs", "use crate::b::B; pub struct A;"),
        ("one/b.rs", "use crate::c::C; pub struct B;"),
        ("one/c.rs", "fn f(_: crate::A) {} pub struct C;"),
    ];

    fn text(findings: &Findings, source: &Source) -> String {
        findings.text(source, Path::new("one"))
    }

    #[test]
    fn a_circle_of_files_is_found_and_shown() {
        let source = source(CIRCLE);
        let findings = Findings::of(&source, &[], &[]);
        assert!(!findings.is_clean());
        let expected = "a circle of 3 files:\n  a.rs -> b.rs: B\n  b.rs -> c.rs: C\n  c.rs -> a.rs: A\n  \
            the shortest circles in it:\n    a -> b -> c -> a\n\n";
        assert_eq!(text(&findings, &source), expected);
    }

    #[test]
    fn an_exception_allows_a_circle_of_its_files_and_no_larger_one() {
        let source = source(CIRCLE);
        let all = Exception { files: &["a.rs", "b.rs", "c.rs"], reason: "it is a tree" };
        let findings = Findings::of(&source, &[all], &[]);
        assert!(findings.is_clean());
        assert_eq!(text(&findings, &source), "allowed circle: a.rs, b.rs, c.rs: it is a tree\n\n");
        let some = Exception { files: &["a.rs", "b.rs"], reason: "it is a tree" };
        let findings = Findings::of(&source, &[some], &[]);
        assert_eq!((findings.circles.len(), findings.unneeded.len()), (1, 1));
    }

    #[test]
    fn arrows_point_down_the_order() {
        let source = source(CIRCLE);
        let order = Order { crate_name: "one", rows: &[&["a", "b"], &["c"]] };
        let findings = Findings::of(&source, &[], &[order]);
        let wrong: Vec<_> = findings.wrong.iter().map(|arrow| arrow.item.as_str()).collect();
        assert_eq!(wrong, ["C"]);
        let order = Order { crate_name: "one", rows: &[&["a"], &["c"]] };
        assert_eq!(Findings::of(&source, &[], &[order]).unlisted, ["one::b"]);
    }

    #[test]
    fn a_circle_of_modules_is_found_without_a_circle_of_files() {
        let source = source(&[
            ("one/lib.rs", "mod a; mod b;"),
            ("one/a.rs", "pub mod high; pub mod low;"),
            ("one/a/high.rs", "use crate::b::high::B;"),
            ("one/a/low.rs", "pub struct A;"),
            ("one/b.rs", "pub mod high; mod low;"),
            ("one/b/high.rs", "pub struct B;"),
            ("one/b/low.rs", "use crate::a::low::A;"),
        ]);
        let findings = Findings::of(&source, &[], &[]);
        assert!(findings.circles.is_empty() && !findings.is_clean());
        let expected =
            "a circle of top-level modules: one::a, one::b\n  a/high.rs -> b/high.rs: B\n  b/low.rs -> a/low.rs: A\n\n";
        assert_eq!(text(&findings, &source), expected);
    }
}
